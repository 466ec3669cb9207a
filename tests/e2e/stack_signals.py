"""Signals through the stack: telemetry in at the collector, and an alert that becomes a session."""
import datetime
import json
import secrets
import time

import otlp
from programs import answers, call, get_json, until
from stack_world import not_checked
from steps import must, step

OTLP = "http://127.0.0.1:4318"
DETECTION = 60  # seconds from the eleventh failed request to a session
READING = 75  # seconds from a FATAL line to a session
EVALUATIONS = 40  # seconds in which Prometheus evaluates every rule anew


def takes_telemetry(stack):
    """OTLP in at the collector: a metric, a log and a trace out where they belong."""
    stack.app = otlp.Application(OTLP, f"e2e-{secrets.token_hex(4)}", "production")
    trace = otlp.new_trace()
    with step("the collector takes a metric, a trace and a log"):
        stack.app.serves(200, count=100, trace=trace)
        stack.app.traces(trace)
        stack.app.logs("the payment provider is away", trace=trace)
        legacy = otlp.Application(OTLP, f"{stack.app.name}-legacy", **{"deployment.environment": "staging"})
        silent = otlp.Application(OTLP, f"{stack.app.name}-silent")
        unknown = otlp.Application(OTLP, f"unknown_service:{stack.app.name}", "production")
        for app in (legacy, silent, unknown):
            app.serves(200)
            app.logs(f"hello from {app.name}")
    with step("the metric is in Prometheus, with resource attributes as labels"):
        name = "http_server_request_duration_seconds_count"
        labels = dict(until("the metric is there", lambda: stack.query(f'{name}{{service_name="{stack.app.name}"}}'),
                            within=30)[0][0])
        for label, value in (("deployment_environment_name", "production"), ("service_namespace", "e2e"),
                             ("service_instance_id", stack.app.instance), ("http_route", "/orders"),
                             ("http_response_status_code", "200")):
            must(labels.get(label) == value, f"{label} is {labels.get(label)} in {labels}")
    with step("it has an exemplar with the trace id"):
        until("the exemplar is there", lambda: trace in exemplars(stack, stack.app.name), within=30)
    with step("an environment by its former name, and none, are normalised"):
        for app, environment in ((legacy, "staging"), (silent, "production")):
            wanted = f'{name}{{service_name="{app.name}", deployment_environment_name="{environment}"}}'
            until(f"{app.name} is in {environment}", lambda: stack.query(wanted), within=30)
    if "tempo" in stack.here:
        with step("the trace is in Tempo"):
            url = f"{stack.url('tempo', 3200)}/api/traces/{trace}"
            until("the trace is there", lambda: answers(url), within=60, every=1)
    else:
        with step("the trace is sent to Tempo"):
            until("the trace was sent", lambda: signals(stack, "resourceSpans", trace), within=30)
    if "loki" in stack.here:
        with step("the log is in Loki with its trace id, and in the right environment"):
            until("the log is there", lambda: lines(stack, stack.app, trace), within=60, every=1)
    else:
        with step("the logs are sent to Loki, those of unknown services are not"):
            until("the log was sent", lambda: signals(stack, "resourceLogs", trace), within=30)
            until("both others were sent", lambda: [
                app for app in (legacy, silent) if signals(stack, "resourceLogs", f"hello from {app.name}")] == [
                    legacy, silent], within=30)
            must(not signals(stack, "resourceLogs", unknown.name), "an unknown service's log was sent")


def asks_exporters(stack):
    """What Prometheus scrapes says what it should about Redis, the machine and autolog."""
    for service, expression in (("redis-exporter", "redis_up == 1"), ("redis-exporter", "redis_aof_enabled == 1"),
                                ("node-exporter", 'count(node_filesystem_avail_bytes{mountpoint="/"}) > 0'),
                                ("autolog", "autolog_store_up == 1"), ("otel-collector", "otelcol_process_uptime > 0")):
        if service in stack.here:
            with step(f"{service}: {expression}"):
                until(f"{expression} holds", lambda: stack.query(expression), within=30)


def exemplars(stack, app):
    query = f'http_server_request_duration_seconds_bucket{{service_name="{app}"}}'
    now = time.time()
    words = f"query={query}&start={now - 300:.0f}&end={now + 10:.0f}".replace('"', "%22").replace(" ", "")
    found = get_json(f"{stack.url('prometheus', 9090)}/api/v1/query_exemplars?{words}")["data"]
    return [exemplar["labels"].get("trace_id") for series in found for exemplar in series["exemplars"]]


def signals(stack, kind, text):
    """Returns what was sent of a kind with a text, with an environment; fails if one has none."""
    found = [resource for message in stack.received(text) for resource in message.get(kind, [])
             if text in json.dumps(resource)]
    for resource in found:
        named = "deployment.environment.name" in json.dumps(resource["resource"])
        must(named, f"{text} was sent without an environment")
    return found


def lines(stack, app, trace):
    selector = f'{{service_name="{app.name}",deployment_environment_name="production"}}|trace_id="{trace}"'
    return get_json(f"http://127.0.0.1:3100/loki/api/v1/query_range?query={quote(selector)}")["data"]["result"]


def quote(text):
    return text.translate(str.maketrans({'"': "%22", "{": "%7B", "}": "%7D", "|": "%7C", " ": "%20"}))


def follows_an_alert(stack):
    """Failed requests become a session at the shipped intervals."""
    with step("every rule of Prometheus evaluates"):
        def health():
            groups = get_json(f"{stack.url('prometheus', 9090)}/api/v1/rules")["data"]["groups"]
            return {rule["health"] for group in groups for rule in group["rules"]}
        until("all rules are healthy", lambda: health() == {"ok"}, within=60, every=1)
    with step("the watchdog reaches autolog, where an unset target sends it"):
        metrics = f"{stack.url('autolog', 5001)}/metrics"
        until("the watchdog was seen", lambda: watchdog(call("GET", metrics)[1]), within=90, every=1)
    with step("ten failed requests open nothing"):
        stack.app.serves(500, count=10)
        query = (f'http_server_request_duration_seconds_count{{service_name="{stack.app.name}",'
                 'http_response_status_code="500"}')
        until("Prometheus has counted ten", lambda: [value for _, value in stack.query(query)] == [10], within=30)
        until("the rules were evaluated since", evaluated_from_now(stack), within=EVALUATIONS, every=1)
        must(stack.session(stack.app.name) is None, "ten failed requests have opened a session")
    began = time.monotonic()
    with step(f"the eleventh opens a session within {DETECTION} s"):
        stack.app.serves(500)
        stack.opened = until("the session is open", lambda: stack.session(stack.app.name), within=DETECTION)
        must(time.monotonic() - began <= DETECTION, "that took too long")
        holder = stack.opened["holders"][0]
        must(holder["source"] == "alert" and holder["alert"]["endpoint"] == "/orders", f"unexpected: {stack.opened}")
    if "loki" in stack.here:
        fatal = otlp.Application(OTLP, f"{stack.app.name}-fatal", "production")
        with step(f"one FATAL line opens a session within {READING} s"):
            fatal.logs("cannot go on", otlp.FATAL, "FATAL")
            until("the session is open", lambda: stack.session(fatal.name), within=READING)
    else:
        not_checked("that a FATAL line opens a session", "there is no Loki here")


def evaluated_from_now(stack):
    """Returns a probe that turns true once every rule was evaluated from now on."""
    def last():
        groups = get_json(f"{stack.url('prometheus', 9090)}/api/v1/rules")["data"]["groups"]
        return min(group["lastEvaluation"] for group in groups)

    before = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return lambda: last()[:23] > before[:23]


def watchdog(metrics):
    """Tells whether the service has seen the alert that always fires."""
    return any(line.startswith("autolog_watchdog_last_seen_timestamp_seconds") and float(line.split()[-1]) > 0
               for line in metrics.splitlines())
