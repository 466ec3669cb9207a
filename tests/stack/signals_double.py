"""Stands in for collector, Tempo, Loki and Prometheus: it keeps what it is sent by OTLP, and answers as they would.

No Loki or Tempo is here; what the scripts ask of these is checked with it, and not what they would answer.
"""
import datetime
import http.server
import json
import threading
import urllib.parse

from programs import call


def find(thing, key):
    """Yields every value of a key in a message."""
    if isinstance(thing, dict):
        for name, value in thing.items():
            if name == key:
                yield value
            yield from find(value, key)
    elif isinstance(thing, list):
        for value in thing:
            yield from find(value, key)


class Signals(http.server.ThreadingHTTPServer):
    """`lost` names signals that arrive nowhere. A fatal line becomes an alert at the Alertmanager."""

    def __init__(self, alertmanager, lost=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.alertmanager, self.lost, self.kept, self.alerts, self.resources = alertmanager, lost, {}, [], []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, signal, message):
        for resource in find(message, "resource"):
            names = {pair["key"]: pair["value"]["stringValue"] for pair in resource["attributes"]}
            self.resources.append(names)
        if signal not in self.lost:
            self.kept.setdefault(signal, []).append(message)
            for severity in find(message, "severityNumber"):
                if signal == "logs" and severity >= 21:
                    self.fire(names)

    def fire(self, names):
        labels = {"alertname": "FatalErrorDetected", "app": names["service.name"], "autolog": "true",
                  "environment": names["deployment.environment.name"], "severity": "critical", "cluster": "main"}
        ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=2)
        self.alerts.append({"labels": labels, "state": "firing"})
        call("POST", f"{self.alertmanager}/api/v2/alerts", [{"labels": labels, "endsAt": ends.isoformat()}])

    def answer(self, path, query):
        """Returns the status and the body of an answer."""
        if path.startswith("/api/traces/"):
            found = [message for message in self.kept.get("traces", ())
                     if path.rpartition("/")[2] in find(message, "traceId")]
            return (200, found[0]) if found else (404, {})
        if path == "/loki/api/v1/query_range":
            values = [body["stringValue"] for message in self.kept.get("logs", ()) for body in find(message, "body")
                      if all(f'trace_id="{trace}"' in query["query"] for trace in find(message, "traceId"))]
            return 200, {"status": "success", "data": {"result": [{"values": values}] if values else []}}
        if path == "/api/v1/query":
            result = [{"metric": {"service_name": names["service.name"]}} for names in self.resources
                      if f'smoke_test_runs_total{{service_name="{names["service.name"]}"}}' == query["query"]]
            return 200, {"status": "success", "data": {"result": result if self.kept.get("metrics") else []}}
        if path == "/prometheus/api/v1/alerts":
            return 200, {"status": "success", "data": {"alerts": self.alerts}}
        return 404, {}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.take(self.path.rpartition("/")[2], message)
        self.reply(200, {})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        self.reply(*self.server.answer(url.path, dict(urllib.parse.parse_qsl(url.query))))

    def reply(self, status, content):
        body = json.dumps(content, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
