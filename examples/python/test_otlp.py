"""What the shop sends by OTLP, as a receiver sees it."""
import http.server
import json
import logging
import os
import threading
import time
import unittest
from unittest import mock

import otlp


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what is posted, by path."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Posted)
        self.bodies = {}
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Posted(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def plain(pairs):
    return {pair["key"]: next(iter(pair["value"].values())) for pair in pairs}


class Sending(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": self.receiver.url, "OTEL_SERVICE_NAME": "cart",
                     "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=staging", "OTEL_METRIC_EXPORT_INTERVAL": "20"}
        with mock.patch.dict(os.environ, variables):
            self.telemetry = otlp.start()
        self.addCleanup(logging.getLogger().removeHandler, self.telemetry)

    def received(self, path):
        self.telemetry.close()
        (resource,) = self.receiver.bodies[path][-1].values()
        self.assertEqual(plain(resource[0]["resource"]["attributes"]),
                         {"service.name": "cart", "deployment.environment.name": "staging"})
        scopes = next(value for key, value in resource[0].items() if key.startswith("scope"))
        return next(value for key, value in scopes[0].items() if key != "scope")

    def test_a_line_has_its_severity_and_the_trace_of_its_request(self):
        with self.telemetry.request("GET", "/orders") as span:
            logging.getLogger("cart").error("no %s", "database")
        (line,) = self.received("/v1/logs")
        self.assertEqual((line["severityNumber"], line["severityText"], line["body"]),
                         (17, "ERROR", {"stringValue": "no database"}))
        self.assertEqual((line["traceId"], line["spanId"]), (span.trace, span.id))

    def test_a_failed_request_is_a_span_that_failed(self):
        with self.telemetry.request("GET", "/orders") as span:
            span.status = 500
        (sent,) = self.received("/v1/traces")
        self.assertEqual((sent["traceId"], sent["name"], sent["kind"], sent["status"]),
                         (span.trace, "GET /orders", 2, {"code": 2}))

    def test_durations_are_counted_by_route_and_status_with_a_trace_as_example(self):
        for status in (200, 500, 500):
            with self.telemetry.request("GET", "/orders") as span:
                span.status = status
        (metric,) = self.received("/v1/metrics")
        self.assertEqual((metric["name"], metric["unit"]), ("http.server.request.duration", "s"))
        points = metric["histogram"]["dataPoints"]
        counts = {plain(point["attributes"])["http.response.status_code"]: point["count"] for point in points}
        self.assertEqual(counts, {"200": "1", "500": "2"})
        self.assertEqual(points[1]["exemplars"][0]["traceId"], span.trace)

    def test_a_receiver_that_is_away_costs_the_application_nothing(self):
        self.receiver.shutdown()
        self.receiver.server_close()
        started = time.monotonic()
        with self.assertLogs("otlp", "WARNING"):
            logging.getLogger("cart").error("lost")
            self.telemetry.close()
        self.assertLess(time.monotonic() - started, 5)


class Off(unittest.TestCase):
    def test_without_an_endpoint_nothing_is_sent(self):
        with mock.patch.dict(os.environ, clear=True):
            self.assertIsNone(otlp.start())


if __name__ == "__main__":
    unittest.main()
