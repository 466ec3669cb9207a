"""Sends telemetry to a collector as an application's SDK would: OTLP in JSON over HTTP."""
import secrets
import time

from programs import Failure, call

CUMULATIVE = 2
SERVER, ERROR, FATAL = 2, 17, 21  # kind of a span; severities


class Application:
    """One instance of a service, whose counters only grow."""

    def __init__(self, endpoint, name, environment=None, **resource):
        self.endpoint, self.name = endpoint, name
        self.instance = secrets.token_hex(4)
        self.resource = {
            "service.name": name, "service.namespace": "e2e", "service.instance.id": self.instance, **resource}
        if environment:
            self.resource["deployment.environment.name"] = environment
        self.began = time.time_ns()
        self.requests = {}

    def serves(self, status, count=1, route="/orders", trace=None):
        """Counts requests with a status and pushes all series; a trace id becomes an exemplar of this one."""
        series = (route, status)
        self.requests[series] = self.requests.get(series, 0) + count
        self.send("metrics", {"scopeMetrics": [{"scope": {"name": "e2e"}, "metrics": [{
            "name": "http.server.request.duration", "unit": "s",
            "histogram": {"aggregationTemporality": CUMULATIVE, "dataPoints": [
                self.point(route, status, count, trace if (route, status) == series else None)
                for (route, status), count in self.requests.items()]}}]}]})

    def point(self, route, status, count, trace):
        now = time.time_ns()
        exemplars = [{"timeUnixNano": str(now), "asDouble": 0.02, "traceId": trace, "spanId": secrets.token_hex(8)}]
        return {
            "attributes": attributes({"http.request.method": "GET", "http.route": route,
                                      "http.response.status_code": status}),
            "startTimeUnixNano": str(self.began), "timeUnixNano": str(now), "count": str(count), "sum": 0.02 * count,
            "bucketCounts": ["0", str(count), "0"], "explicitBounds": [0.01, 0.1],
            "exemplars": exemplars if trace else []}

    def traces(self, trace):
        """Sends one span of a server."""
        now = time.time_ns()
        self.send("traces", {"scopeSpans": [{"scope": {"name": "e2e"}, "spans": [{
            "traceId": trace, "spanId": secrets.token_hex(8), "name": "GET /orders", "kind": SERVER,
            "startTimeUnixNano": str(now - 20_000_000), "endTimeUnixNano": str(now),
            "attributes": attributes({"http.route": "/orders"})}]}]})

    def logs(self, text, severity=ERROR, severity_text="Error", trace=None):
        """Sends one log record, in the context of a trace if there is one."""
        now = str(time.time_ns())
        context = {"traceId": trace, "spanId": secrets.token_hex(8)} if trace else {}
        self.send("logs", {"scopeLogs": [{"scope": {"name": "e2e"}, "logRecords": [{
            "timeUnixNano": now, "observedTimeUnixNano": now, "severityNumber": severity, "severityText": severity_text,
            "body": {"stringValue": text}, **context}]}]})

    def send(self, signal, content):
        kind = {"metrics": "resourceMetrics", "traces": "resourceSpans", "logs": "resourceLogs"}[signal]
        body = {kind: [{"resource": {"attributes": attributes(self.resource)}, **content}]}
        status, text = call("POST", f"{self.endpoint}/v1/{signal}", body)
        if status != 200:
            raise Failure(f"the collector answers {status} to {signal}: {text}")


def attributes(values):
    """Returns attributes in the form of OTLP."""
    return [{"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
            for key, value in values.items()]


def new_trace():
    return secrets.token_hex(16)
