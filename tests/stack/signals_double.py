"""Stands in for collector, Tempo, Loki and Prometheus: it keeps what it is sent by OTLP, and answers as they would.

No Loki or Tempo is here; what the scripts ask of these is checked with it, and not what they would answer.
"""
import datetime
import json
import urllib.parse

from double import Double
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


class Signals(Double):
    """`lost` names signals that arrive nowhere. A fatal line becomes an alert at the Alertmanager."""

    def __init__(self, alertmanager, lost=()):
        self.alertmanager, self.lost, self.kept, self.alerts, self.resources = alertmanager, lost, {}, [], []
        super().__init__()

    def answer(self, path, headers, body):
        url = urllib.parse.urlsplit(path)
        if body:
            self.take(url.path.rpartition("/")[2], json.loads(body))
            status, content = 200, {}
        else:
            status, content = self.found(url.path, dict(urllib.parse.parse_qsl(url.query)))
        return status, {"Content-Type": "application/json"}, json.dumps(content, separators=(",", ":")).encode()

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

    def found(self, path, query):
        """Returns the status and the body of the answer to a question."""
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
