"""A small shop that goes verbose when autolog says so. Standard library only, Python 3.9 or newer.

    python3 shop.py --port 8080 [--host 127.0.0.1]

    GET  /orders        answers with orders; logs one INFO line, and what it looked up at DEBUG
    POST /fail?on=1     breaks the database: /orders answers 500 and logs an ERROR (on=0 mends it)
    GET  /metrics       shop_requests_total and shop_errors_total for Prometheus

Autolog is two lines here, start and close; see autolog_client.py for its environment variables. With
OTEL_EXPORTER_OTLP_ENDPOINT it sends its logs, traces and metrics there; see otlp.py.
"""
import argparse
import contextlib
import json
import logging
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import autolog_client
import otlp

LOG = logging.getLogger("shop")
ORDERS = [{"id": 1, "item": "lamp"}, {"id": 2, "item": "chair"}]
METRICS = """\
# HELP shop_requests_total Requests for orders.
# TYPE shop_requests_total counter
shop_requests_total {requests}
# HELP shop_errors_total Requests for orders that failed.
# TYPE shop_errors_total counter
shop_errors_total {errors}
"""


class Shop:
    """What the shop knows: its orders, whether its database works, and its counters."""

    def __init__(self, telemetry=None):
        self.telemetry = telemetry
        self.lock = threading.Lock()
        self.requests = self.errors = 0
        self.broken = False

    def orders(self):
        """Returns all orders; raises ConnectionError while the database is broken."""
        with self.lock:
            self.requests += 1
            self.errors += self.broken
        LOG.debug("query: SELECT id, item FROM orders; pool 1 of 8 in use, broken=%s", self.broken)
        if self.broken:
            raise ConnectionError("the database refused the connection")
        LOG.debug("found %d orders: %s", len(ORDERS), ORDERS)
        return ORDERS

    def measured(self, method, route):
        """Measures a request, if anything is measured; the status is set on what it returns."""
        return self.telemetry.request(method, route) if self.telemetry else contextlib.nullcontext(argparse.Namespace())

    def metrics(self):
        with self.lock:
            return METRICS.format(requests=self.requests, errors=self.errors)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def shop(self):
        return self.server.shop

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/metrics":
            self.answer(200, self.shop.metrics(), "text/plain; version=0.0.4; charset=utf-8")
        elif path == "/orders":
            self.orders()
        else:
            self.answer(404, "not found\n")

    def do_POST(self):
        url = urlsplit(self.path)
        if url.path != "/fail":
            return self.answer(404, "not found\n")
        self.shop.broken = parse_qs(url.query).get("on") == ["1"]
        self.answer(200, f"broken: {self.shop.broken}\n")

    def orders(self):
        with self.shop.measured("GET", "/orders") as request:
            try:
                orders = self.shop.orders()
            except ConnectionError as error:
                LOG.error("orders failed: %s", error)
                request.status = 500
                return self.answer(500, "the shop is out of order\n")
            LOG.info("served %d orders", len(orders))
            self.answer(200, json.dumps(orders) + "\n", "application/json")

    def answer(self, status, text, content_type="text/plain; charset=utf-8"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # the shop writes its own lines


def main():
    options = argparse.ArgumentParser(description="A small shop that goes verbose when autolog says so.")
    options.add_argument("--port", type=int, default=8080, help="port (default: 8080)")
    options.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    options = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    telemetry = otlp.start("shop")
    client = autolog_client.start()
    server = ThreadingHTTPServer((options.host, options.port), Handler)
    server.shop = Shop(telemetry)
    LOG.info("open on http://%s:%d/orders", options.host, server.server_port)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        for part in (client, telemetry):
            if part:
                part.close()


if __name__ == "__main__":
    main()
