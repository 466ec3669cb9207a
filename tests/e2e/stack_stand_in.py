"""Answers for a Loki and a Tempo that are not here with what the stack's collector has sent to them."""
import datetime
import json
import re
import urllib.parse

from double import Double
from programs import call


class StandIn(Double):
    """Serves the three paths that scripts/smoke-test.sh asks, and does what Loki's ruler would about a fatal line."""

    def __init__(self, stack):
        self.stack, self.alertmanager = stack, stack.url("alertmanager", 9093)
        super().__init__()

    def answer(self, path, headers, body):
        asked = urllib.parse.unquote(path)
        trace = re.search(r"[0-9a-f]{32}", asked)
        if asked.startswith("/api/traces/"):
            found = self.found("resourceSpans", trace[0])
        elif asked.startswith("/loki/api/v1/query_range"):
            found = self.found("resourceLogs", trace[0])
        else:
            found = self.alerts() if asked == "/prometheus/api/v1/alerts" else []
        return 200 if found else 404, {}, json.dumps(found, separators=(",", ":")).encode()

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
