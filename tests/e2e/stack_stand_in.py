"""Answers for a Loki and a Tempo that are not here with what the stack's collector has sent to them."""
import datetime
import http.server
import json
import re
import threading
import urllib.parse

from programs import call


class StandIn(http.server.ThreadingHTTPServer):
    """Serves the three paths that scripts/smoke-test.sh asks, and does what Loki's ruler would about a fatal line."""

    def __init__(self, stack):
        super().__init__(("127.0.0.1", 0), Handler)
        self.stack, self.alertmanager = stack, stack.url("alertmanager", 9093)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def found(self, kind, text):
        return [resource for message in self.stack.received(text) for resource in message.get(kind, [])]

    def alerts(self):
        """Posts an alert for each application with a fatal line, as Loki would, and returns them."""
        resources = self.found("resourceLogs", '"severityText":"FATAL"')
        now = datetime.datetime.now(datetime.timezone.utc)
        alerts = [{"labels": labels(resource), "endsAt": (now + datetime.timedelta(minutes=4)).isoformat(),
                   "annotations": {"summary": "a fatal line"}} for resource in resources]
        if alerts:
            call("POST", f"{self.alertmanager}/api/v2/alerts", alerts)
        return alerts


def labels(resource):
    """Returns the labels that the rule FatalErrorDetected gives its alert."""
    values = {pair["key"]: pair["value"].get("stringValue") for pair in resource["resource"]["attributes"]}
    return {"alertname": "FatalErrorDetected", "autolog": "true", "severity": "critical", "category": "application",
            "cluster": "main", "app": values["service.name"], "environment": values["deployment.environment.name"]}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urllib.parse.unquote(self.path)
        trace = re.search(r"[0-9a-f]{32}", asked)
        if asked.startswith("/api/traces/"):
            answer = self.server.found("resourceSpans", trace[0])
        elif asked.startswith("/loki/api/v1/query_range"):
            answer = self.server.found("resourceLogs", trace[0])
        else:
            answer = self.server.alerts() if asked == "/prometheus/api/v1/alerts" else []
        self.send_response(200 if answer else 404)
        self.end_headers()
        self.wfile.write(json.dumps(answer, separators=(",", ":")).encode())

    def log_message(self, *_):
        pass
