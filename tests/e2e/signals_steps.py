"""What is true of signals on their way through the collector, step by step."""
import re
import secrets
import socket
import time

from otlp import Application, attributes, new_trace
from programs import Failure, answers, call, get_json, until
from signals_world import CLUSTER, COLLECTOR, ENVIRONMENT, PROMETHEUS, ROOT
from steps import must, step

COUNT = "http_server_request_duration_seconds_count"
OLD = "deployment.environment"


def shop(**more):
    """Returns an application of a new name: nothing that another step sent can be taken for its own."""
    return Application(COLLECTOR, f"shop-{secrets.token_hex(3)}", **more)


def all_three_signals_arrive(world):
    app, trace = shop(), new_trace()
    with step("a metric is in Prometheus with the promoted labels, and with its exemplar"):
        app.serves(200, trace=trace)
        series = until("the metric is there", lambda: world.query(f'{COUNT}{{service_name="{app.name}"}}'), within=20)
        wanted = {"service_name": app.name, "service_namespace": "e2e", "service_instance_id": app.instance,
                  "deployment_environment_name": ENVIRONMENT, "http_route": "/orders",
                  "http_response_status_code": "200"}
        must(wanted.items() <= series[0][0].items(), f"unexpected labels: {series}")
        bucket = f'http_server_request_duration_seconds_bucket{{service_name="{app.name}"}}'
        until("the exemplar is there", lambda: trace in world.exemplars(bucket), within=10)
        info = world.query(f'target_info{{service_name="{app.name}"}}')
        must(len(info) == 1 and info[0][0]["deployment_environment_name"] == ENVIRONMENT, f"target_info: {info}")
    with step("a log goes to Loki's own path as it was sent, with its trace id"):
        app.logs("a card was refused", trace=trace)
        resource, content = until("the log came", lambda: world.find("loki", app.name), within=20)
        record = content[0]["logRecords"][0]
        must(resource["deployment.environment.name"] == ENVIRONMENT, f"unexpected resource: {resource}")
        must(record["traceId"] == trace and record["severityText"] == "Error" and record["severityNumber"] == 17
             and record["body"] == {"stringValue": "a card was refused"}, f"unexpected record: {record}")
    with step("a span goes to Tempo by gRPC"):
        app.traces(trace)
        resource, content = until("the span came", lambda: world.find("tempo", app.name), within=20)
        span = content[0]["spans"][0]
        must(resource["deployment.environment.name"] == ENVIRONMENT, f"unexpected resource: {resource}")
        must(span["traceId"] == trace and span["name"] == "GET /orders", f"unexpected span: {span}")


def every_signal_has_one_environment(world):
    cases = [("an old SDK's name for it becomes the new one", {OLD: "staging"}, None, "staging"),
             ("the new name wins over the old one", {OLD: "staging"}, "production", "production"),
             ("an empty one is none", {}, "", ENVIRONMENT),
             ("an empty one gives way to the old name", {OLD: "staging", "deployment.environment.name": ""}, None,
              "staging"),
             ("two empty ones are none", {OLD: "", "deployment.environment.name": ""}, None, ENVIRONMENT)]
    with step("environment: " + "; ".join(case[0] for case in cases)):
        apps = []
        for _, resource, environment, expected in cases:
            app = shop(environment=environment, **resource)
            if environment == "":
                app.resource["deployment.environment.name"] = ""
            app.serves(200)
            app.logs("a line")
            app.traces(new_trace())
            apps.append((app, expected))
        for app, expected in apps:
            for target in ("loki", "tempo"):
                resource, _ = until(f"{target} got it", lambda: world.find(target, app.name), within=20)
                must(resource["deployment.environment.name"] == expected, f"{target} got {resource}")
                must(OLD not in resource, f"{target} got the old attribute as well: {resource}")
            until("the metric is there", lambda: world.query(f'{COUNT}{{service_name="{app.name}"}}'), within=20)
            for name in (COUNT, "target_info"):
                labels = [labels for labels, _ in world.query(f'{name}{{service_name="{app.name}"}}')]
                must(len(labels) == 1 and labels[0]["deployment_environment_name"] == expected
                     and "deployment_environment" not in labels[0], f"unexpected labels: {labels}")


def headers_that_are_secrets_are_left_out(world):
    kept, secret = "http.request.header.user-agent", secrets.token_hex(8)
    headers = {"http.request.header.authorization": secret, "http.request.header.Cookie": secret,
               "http.request.header.proxy-authorization": secret, "http.response.header.set-cookie": secret,
               "http.request.header.x-api-key": secret, kept: "curl"}
    with step("headers that hold credentials go nowhere, on spans and logs; others do"):
        app, now = shop(), str(time.time_ns())
        app.send("logs", {"scopeLogs": [{"logRecords": [{
            "timeUnixNano": now, "body": {"stringValue": "called"}, "attributes": attributes(headers)}]}]})
        app.send("traces", {"scopeSpans": [{"spans": [{
            "traceId": new_trace(), "spanId": secrets.token_hex(8), "name": "call", "kind": 3, "startTimeUnixNano": now,
            "endTimeUnixNano": now, "attributes": attributes(headers)}]}]})
        for target in ("loki", "tempo"):
            _, content = until(f"{target} got it", lambda: world.find(target, app.name), within=20)
            must(kept in str(content), f"{target} did not get {kept}: {content}")
            must(secret not in str(content), f"{target} got a secret: {content}")


def the_nameless_are_left_out(world):
    with step("logs and spans without a service name go nowhere; metrics do"):
        unnamed = secrets.token_hex(4)
        for name in (None, "", "unknown_service", "unknown_service:python"):
            app = shop(**{"host.name": unnamed})
            app.resource.pop("service.name")
            if name is not None:
                app.resource["service.name"] = name
            app.serves(200)
            app.logs("nobody's line")
            app.traces(new_trace())
        known = [shop(), shop()]
        known[1].resource["service.name"] = known[1].name = "known_unknown_service"
        for app in known:  # what was sent before them would have come before them
            app.logs("somebody's line")
            app.traces(new_trace())
        for target in ("loki", "tempo"):
            for app in known:
                until(f"{target} got the known", lambda: world.find(target, app.name), within=20)
            must(not [resource for resource, _ in world.resources(target) if resource.get("host.name") == unnamed],
                 f"{target} got what has no name")
        until("all four metrics are there",
              lambda: world.query(f'count(target_info{{host_name="{unnamed}"}}) == 4'), within=20)


def the_collector_watches_itself(world):
    with step("Prometheus scrapes the collector, once"):
        until("it is up", lambda: world.query('up{job="otel-collector"} == 1'), within=40)
        must(len(world.query('up{job="otel-collector"}')) == 1, "the collector is scraped twice")
        uptime = world.query('{__name__=~"otelcol_process_uptime.*"}')
        must(len(uptime) == 1, f"the collector's own metrics are there more than once: {uptime}")
    with step("what the rules name of the collector and the node exporter exists"):
        until("the node exporter is up", lambda: world.query('up{job="node-exporter"} == 1'), within=40)
        names = set(get_json(f"{PROMETHEUS}/api/v1/label/__name__/values")["data"])
        text = "\n".join(path.read_text() for path in (ROOT / "alert-rules" / "prometheus").glob("*.yml"))
        named = set(re.findall(r"\b(?:otelcol|node)_\w+", text))
        # In the rules, the names of the collector's counters stand with and without their suffix.
        collectors = {re.sub("_(total|bytes)$", "", name) for name in named if name.startswith("otelcol_")}
        must(len(collectors) >= 10, f"the rules name few metrics of the collector: {collectors}")
        program = world.binary.read_bytes()
        seen = {name for name in collectors if name in names}
        for name in collectors - seen:  # those that count failures come with the first one
            must(name.encode() in program, f"the collector has no metric {name}")
            must(name in named, f"no rule looks for {name} without a suffix")
        must({"otelcol_process_memory_rss", "otelcol_receiver_refused_spans"} <= seen, f"only {seen} are exposed")
        missing = {name for name in named if name.startswith("node_")} - names
        must(not missing, f"the node exporter exposes no {missing}")


def a_restart_of_the_collector_loses_nothing(world):
    with step("the collector is stopped with signals in its hands: they arrive first"):
        app = shop()
        app.serves(200, 3)
        app.logs("a last line")
        app.traces(new_trace())
        world.collector.stop()
        for target in ("loki", "tempo"):
            until(f"{target} got it", lambda: world.find(target, app.name), within=10)
        until("the metric is there", lambda: world.query(f'{COUNT}{{service_name="{app.name}"}} == 3'), within=10)
        world.collector.start()
        world.ready("http://otel-collector:13133")


def what_prometheus_refuses_is_counted(world):
    with step("a metric that is too old for Prometheus counts as failed, and takes no other with it"):
        old, app = shop(), shop()
        old.send("metrics", {"scopeMetrics": [{"metrics": [{"name": "old", "gauge": {"dataPoints": [
            {"timeUnixNano": str(10**18), "asDouble": 1.0}]}}]}]})
        app.serves(200)
        until("the metric is there", lambda: world.query(f'{COUNT}{{service_name="{app.name}"}}'), within=20)
        failed = 'otelcol_exporter_send_failed_metric_points{exporter="otlp_http/prometheus"} > 0'
        until("the refusal is counted", lambda: world.query(failed), within=40)


def an_outage_loses_nothing(world):
    app = shop()
    with step("Loki and Tempo are away for a while: what was sent meanwhile arrives"):
        world.stop_stand_in()
        app.logs("a line in the dark")
        app.traces(new_trace())
        waiting = 'otelcol_exporter_in_flight_requests{exporter="%s"} + otelcol_exporter_queue_size > 0'
        for exporter in ("otlp_http/loki", "otlp_grpc/tempo"):
            until(f"it waits at {exporter}", lambda: world.query(waiting % exporter), within=40)
        world.start_stand_in()
        for target in ("loki", "tempo"):
            until(f"{target} got it", lambda: world.find(target, app.name), within=60)
    with step("the same for Prometheus"):
        app = shop()
        world.prometheus.stop()
        app.serves(200, 7)
        world.prometheus.start()
        until("the metric is there",
              lambda: world.query(f'{COUNT}{{service_name="{app.name}"}} == 7'), within=60)


def a_full_queue_costs_no_more_memory(world):
    with step("Loki is away for long: the collector takes what fits, refuses the rest, and lets metrics pass"):
        world.stop_stand_in()
        app, taken = shop(), 0
        line = secrets.token_hex(100_000)
        records = [{"timeUnixNano": str(time.time_ns()), "body": {"stringValue": line}}] * 10
        body = {"resourceLogs": [{"resource": {"attributes": attributes(app.resource)},
                                  "scopeLogs": [{"logRecords": records}]}]}
        while (status := call("POST", f"{COLLECTOR}/v1/logs", body, timeout=20)[0]) == 200:
            taken += 1
            must(taken < 100, "the collector takes 200 MB")
        must(status in (429, 503), f"what does not fit is answered {status}, which an SDK does not repeat")
        refused = 'otelcol_exporter_enqueue_failed_log_records{exporter="otlp_http/loki"} > 0'
        until("the refusal is counted", lambda: world.query(refused), within=40)
        rss = world.query("otelcol_process_memory_rss")[0][1]
        must(rss < 512 << 20, f"the collector uses {rss / 2**20:.0f} MiB")
        app.serves(200)
        until("a metric passes", lambda: world.query(f'{COUNT}{{service_name="{app.name}"}}'), within=20)
    print(f"         {taken * 2} MB waited; the collector used {rss / 2**20:.0f} MiB", flush=True)


def the_eleventh_error_fires(world):
    app = shop(environment="production")
    with step("ten failed requests raise no alert"):
        app.serves(500, 10)
        until("Prometheus has them", lambda: world.query(f'{COUNT}{{service_name="{app.name}"}} == 10'), within=20)
        for _ in range(2):  # the evaluation under way may have begun before
            before = evaluated()
            until("the rules were evaluated again", lambda: evaluated() > before, within=40)
        must(not [alert for alert in firing("RepeatedErrors") if alert["app"] == app.name], "it fires after ten")
    began = time.monotonic()
    with step("the eleventh does, within a minute, and tells app, environment, endpoint and cluster"):
        app.serves(500)

        def sent():
            labels = world.alertmanager.alerts.get("RepeatedErrors")
            return labels if labels and labels["app"] == app.name else None

        labels = until("Alertmanager is told", sent, within=60)
        wanted = {"environment": "production", "endpoint": "/orders", "autolog": "true", "cluster": CLUSTER}
        must(wanted.items() <= labels.items(), f"unexpected labels: {labels}")
    print(f"         {time.monotonic() - began:5.1f} s from the eleventh error to Alertmanager", flush=True)


def evaluated():
    """Returns when every group of rules was evaluated last."""
    return min(group["lastEvaluation"] for group in get_json(f"{PROMETHEUS}/api/v1/rules")["data"]["groups"])


def firing(name):
    alerts = get_json(f"{PROMETHEUS}/api/v1/alerts")["data"]["alerts"]
    return [alert["labels"] for alert in alerts if alert["labels"]["alertname"] == name]


def prometheus_takes_what_others_write(_):
    with step("Prometheus takes remote writes and snapshots; the collector listens, and refuses what is no OTLP"):
        status, text = call("POST", f"{PROMETHEUS}/api/v1/write", {})
        must(status == 400, f"a broken remote write is answered {status}: {text}")
        status, text = call("POST", f"{PROMETHEUS}/api/v1/admin/tsdb/snapshot?skip_head=true")
        must(status == 200, f"a snapshot is answered {status}: {text}")
        must(answers("http://otel-collector:13133"), "the collector's health is not answered")
        grpc = ("otel-collector", 4317)
        until("it listens for gRPC", lambda: socket.create_connection(grpc, timeout=5), within=5).close()
        status, _ = call("POST", f"{COLLECTOR}/v1/logs", ["no", "OTLP"])
        must(status == 400, f"nonsense is answered {status} by the collector")


ALL = [all_three_signals_arrive, every_signal_has_one_environment, headers_that_are_secrets_are_left_out,
       the_nameless_are_left_out, the_collector_watches_itself, prometheus_takes_what_others_write,
       a_restart_of_the_collector_loses_nothing, what_prometheus_refuses_is_counted, an_outage_loses_nothing,
       the_eleventh_error_fires, a_full_queue_costs_no_more_memory]
