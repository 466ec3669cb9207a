"""Sends an application's logs, spans and request durations by OTLP over HTTP, as JSON. Standard library only.

For real applications there are OpenTelemetry's own SDKs; this is what they send, for an example without dependencies.

Environment: OTEL_EXPORTER_OTLP_ENDPOINT (unset: off; such as http://127.0.0.1:4318), OTEL_SERVICE_NAME,
OTEL_RESOURCE_ATTRIBUTES (deployment.environment.name=production,…), OTEL_METRIC_EXPORT_INTERVAL (5000, milliseconds).
"""
import collections
import json
import logging
import os
import secrets
import threading
import time
import urllib.request

LOG = logging.getLogger("otlp")
LOG.propagate = False  # a failed export must not become one more line to export
LOG.addHandler(logging.StreamHandler())
SEVERITIES = {logging.DEBUG: 5, logging.INFO: 9, logging.WARNING: 13, logging.ERROR: 17, logging.CRITICAL: 21}
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]  # seconds; those of the semantic conventions
MOST = 2_000  # log lines and spans that wait to be sent; older ones are lost first
CURRENT = threading.local()


def nanos():
    return str(time.time_ns())


def value(thing):
    if isinstance(thing, int):
        return {"intValue": str(thing)}
    return {"stringValue": str(thing)}


def attributes(pairs):
    return [{"key": key, "value": value(thing)} for key, thing in pairs.items()]


class Span:
    """One request: a trace of one span, which the lines logged meanwhile name."""

    def __init__(self, telemetry, method, route):
        self.telemetry, self.method, self.route = telemetry, method, route
        self.trace, self.id, self.status = secrets.token_hex(16), secrets.token_hex(8), 200

    def __enter__(self):
        self.start, self.begun = nanos(), time.monotonic()
        CURRENT.span = self
        return self

    def __exit__(self, *_):
        CURRENT.span = None
        self.telemetry.ended(self, time.monotonic() - self.begun)


class Telemetry(logging.Handler):
    """A handler for the root logger that also takes requests; sends everything from a thread of its own."""

    def __init__(self, endpoint, service, resource, interval):
        super().__init__()
        self.endpoint, self.interval = endpoint.rstrip("/"), interval
        self.resource = {"attributes": attributes({"service.name": service, **resource})}
        self.logs, self.spans = collections.deque(maxlen=MOST), collections.deque(maxlen=MOST)
        self.durations, self.started = {}, nanos()  # (method, route, status) -> [sum, counts by bucket, exemplar]
        self.changed, self.closing = threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self._run, name="otlp", daemon=True)
        self.thread.start()

    def request(self, method, route):
        """Measures a request: `with telemetry.request("GET", "/orders") as span: …; span.status = 500`."""
        return Span(self, method, route)

    def emit(self, record):
        span = getattr(CURRENT, "span", None)
        self.logs.append({
            "timeUnixNano": str(int(record.created * 1e9)), "severityText": record.levelname,
            "severityNumber": SEVERITIES.get(record.levelno, 9), "body": {"stringValue": record.getMessage()},
            "attributes": attributes({"logger": record.name, **({"http.route": span.route} if span else {})}),
            **({"traceId": span.trace, "spanId": span.id} if span else {})})

    def ended(self, span, seconds):
        self.spans.append({
            "traceId": span.trace, "spanId": span.id, "name": f"{span.method} {span.route}", "kind": 2,
            "startTimeUnixNano": span.start, "endTimeUnixNano": nanos(),
            "status": {"code": 2 if span.status >= 500 else 0},
            "attributes": attributes({"http.request.method": span.method, "http.route": span.route,
                                      "http.response.status_code": span.status})})
        bucket = sum(bound < seconds for bound in BOUNDS)
        exemplar = {"timeUnixNano": nanos(), "asDouble": seconds, "traceId": span.trace, "spanId": span.id}
        with self.changed:
            row = self.durations.setdefault((span.method, span.route, span.status), [0.0, [0] * (len(BOUNDS) + 1), None])
            row[0] += seconds
            row[1][bucket] += 1
            row[2] = exemplar

    def close(self):
        self.closing.set()
        self.thread.join(5)
        super().close()

    def _run(self):
        while not self.closing.wait(self.interval):
            self._flush()
        self._flush()

    def _flush(self):
        self._send("logs", "resourceLogs", "scopeLogs", "logRecords", self._take(self.logs))
        self._send("traces", "resourceSpans", "scopeSpans", "spans", self._take(self.spans))
        self._send("metrics", "resourceMetrics", "scopeMetrics", "metrics", self._metrics())

    @staticmethod
    def _take(queue):
        return [queue.popleft() for _ in range(len(queue))]

    def _metrics(self):
        with self.changed:
            rows = [(key, total, list(counts), exemplar) for key, (total, counts, exemplar) in self.durations.items()]
        names = ("http.request.method", "http.route", "http.response.status_code")
        points = [{
            "attributes": attributes(dict(zip(names, key))), "startTimeUnixNano": self.started, "timeUnixNano": nanos(),
            "count": str(sum(counts)), "sum": total, "bucketCounts": [str(count) for count in counts],
            "explicitBounds": BOUNDS, "exemplars": [exemplar]} for key, total, counts, exemplar in rows]
        return points and [{"name": "http.server.request.duration", "unit": "s",
                            "histogram": {"aggregationTemporality": 2, "dataPoints": points}}]

    def _send(self, signal, resources, scopes, items, what):
        if not what:
            return
        body = {resources: [{"resource": self.resource, scopes: [{"scope": {"name": "otlp.py"}, items: what}]}]}
        request = urllib.request.Request(f"{self.endpoint}/v1/{signal}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except OSError as error:
            LOG.warning("%d %s were lost: %s", len(what), signal, error)


def start(service="unknown_service"):
    """Starts to send what the root logger gets; None if no endpoint is set."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not endpoint:
        return None
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",") if pair)
    telemetry = Telemetry(endpoint, os.environ.get("OTEL_SERVICE_NAME", service),
                          {key.strip(): text.strip() for key, _, text in pairs},
                          int(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "5000")) / 1000)
    logging.getLogger().addHandler(telemetry)
    return telemetry
