"""The steps of a stack's life: from the two commands of a newcomer to its end."""
import json
import os
import pathlib
import secrets
import signal
import socket
import time

import otlp
from programs import Failure, answers, call, get_json, until
from stack_world import ROOT, Edge, reads_as
from steps import must, step

OTLP, API = "http://127.0.0.1:4318", "http://127.0.0.1:5000"
DETECTION = 60  # seconds from the eleventh failed request to a session
READING = 75  # seconds from a FATAL line to a session: Loki evaluates its rules every minute
EVALUATIONS = 40  # seconds in which Prometheus evaluates every rule anew
GIB = 1024 ** 3
# Alerts that may fire on a stack of which parts are left out.
MISSING = {"ObservabilityComponentDown", "ObservabilityComponentMissing"}


def not_checked(what, reason):
    print(f"  NOT CHECKED: {what}, since {reason}", flush=True)


def prepares(stack):
    """A copy of the tree, the programs and their images."""
    with step("the tree is copied, and the settings and secrets are written"):
        stack.copy_tree()
        wrote = stack.project.script("setup.sh")
        must("dead man's switch" in wrote, f"setup.sh does not tell of the dead man's switch: {wrote}")
        again = stack.project.script("setup.sh")
        must("wrote" not in again, f"setup.sh writes again what is there: {again}")
    with step("images are found or made"):
        stack.find_images()
    needed = {"autolog", "redis", "otel-collector", "prometheus", "alertmanager", "caddy"} & set(stack.left_out)
    must(not needed, f"there is no image of {', '.join(sorted(needed))}, and no program to make one of")
    for service, image in stack.left_out.items():
        not_checked(service, f"{image} cannot be pulled, and its program is not to be had here")
    if stack.stands_in():
        not_checked(f"what {' and '.join(stack.stands_in())} would do",
                    "they are not here; a second collector takes what is sent to them")


def comes_up(stack):
    """docker compose up, and every container passes its own health check."""
    with step("nothing is left of an earlier run, and the ports are free"):
        stack.remove()
        stack.must_have_free_ports()
    with step("docker compose up -d"):
        stack.up()
    is_healthy(stack)
    with step("each container has restarted never, and runs as the compose file says"):
        for service, settings in stack.here.items():
            must_run_confined(service, settings, stack.inspect(service))


def is_healthy(stack):
    for service, settings in stack.here.items():
        if "healthcheck" in settings:
            with step(f"{service} is healthy"):
                container = stack.project.container(service)
                until(f"the health check of {service} passes", lambda: stack.engine.healthy(container), within=90, every=1)
    with step("Prometheus scrapes everything that is here"):
        def missing():
            up = {labels["job"] for labels, _ in stack.query("up == 1")}
            known = {labels["job"] for labels, _ in stack.query("up")}
            return sorted((known & set(stack.here)) - up) or not known
        until("every target is up", lambda: not missing(), within=60, every=1)


def must_run_confined(service, settings, seen):
    state, host = seen["State"], seen["HostConfig"]
    must(state["Running"] and not seen["RestartCount"], f"{service} does not run, or was restarted")
    must(host["Memory"] == int(settings["mem_limit"]), f"{service} may use {host['Memory']} bytes")
    must(host["ReadonlyRootfs"] == settings.get("read_only", False), f"the root of {service} is not read-only as meant")
    status = pathlib.Path(f"/proc/{state['Pid']}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    must(int(fields["NoNewPrivs"]) == 1, f"{service} may gain privileges")
    meant = 1 << 10 if settings.get("cap_add") == ["NET_BIND_SERVICE"] else 0
    must(int(fields["CapBnd"], 16) == meant, f"{service} may have the capabilities {fields['CapBnd'].strip()}")


def reads_secrets(stack):
    """Each program's user can read its secrets, and nothing is written where Docker would not let it."""
    with step("every secret is readable to who needs it"):
        for service, settings in stack.here.items():
            pid = stack.inspect(service)["State"]["Pid"]
            user, groups = owner(pid)
            for secret in settings.get("secrets", []):
                target = f"/run/secrets/{secret['source']}"
                readable = reads_as(pid, user, groups, target)
                if readable is None:
                    not_checked("whether secrets are readable", "this is not run by root")
                    return
                must(readable, f"{service} as user {user} cannot read {target}")
    if stack.engine.name == "podman":  # which gives even read-only containers a /tmp, /run and /var/tmp of their own
        with step("nothing is written to folders that only podman gives"):
            for service, settings in stack.here.items():
                must_not_write(service, stack.inspect(service)["State"]["Pid"], settings.get("tmpfs", []))


def owner(pid):
    """Returns the user of a process, and its groups."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["Uid"].split()[1]), [int(fields["Gid"].split()[1]), *map(int, fields["Groups"].split())]


def must_not_write(service, pid, meant):
    for folder in {"/tmp", "/run", "/var/tmp"} - {path.partition(":")[0] for path in meant}:
        try:
            found = set(os.listdir(f"/proc/{pid}/root{folder}")) - {"secrets", ".containerenv"}
        except (FileNotFoundError, PermissionError):
            continue
        must(not found, f"{service} has written to {folder}, which is read-only with Docker: {sorted(found)}")


def publishes(stack):
    """Ports: what is meant, where it is meant, and nothing else."""
    with step("the engine publishes what the compose file says"):
        seen = set()
        for service in stack.here:
            for port, bindings in (stack.inspect(service)["NetworkSettings"]["Ports"] or {}).items():
                number, protocol = port.split("/")
                for binding in bindings or []:
                    must(binding["HostPort"] == number, f"{service} has port {number} on {binding['HostPort']}")
                    seen.add((binding["HostIp"] or "0.0.0.0", int(number), protocol))
        meant = {("127.0.0.1", port, "tcp") for port in (4317, 4318, 5000)}
        meant |= {("0.0.0.0", 80, "tcp"), ("0.0.0.0", 443, "tcp"), ("0.0.0.0", 443, "udp")}
        if "loki" in stack.here:
            meant.add(("127.0.0.1", 3100, "tcp"))
        must({port for port in seen if port[0] != "::"} == meant, f"published are {sorted(seen)}")
    with step("from another address only Caddy answers"):
        address = stack.gateway()
        for port in (80, 443):
            must(opens(address, port), f"{address}:{port} does not answer")
        for port in (2019, 3000, 3100, 3200, 4317, 4318, 5000, 5001, 6379, 8888, 9090, 9093, 9100, 9121, 12345, 13133):
            must(not opens(address, port), f"{address}:{port} answers")


def opens(address, port):
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


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
        must("deployment.environment.name" in json.dumps(resource["resource"]), f"{text} was sent without an environment")
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
        query = f'http_server_request_duration_seconds_count{{service_name="{stack.app.name}",http_response_status_code="500"}}'
        until("Prometheus has counted ten", lambda: [value for _, value in stack.query(query)] == [10], within=30)
        time_of_rules = stack.query("time()")[0][1]
        until("the rules were evaluated since", lambda: min(
            value for _, value in stack.query("prometheus_rule_group_last_evaluation_timestamp_seconds")) > time_of_rules,
              within=EVALUATIONS, every=1)
        must(stack.session(stack.app.name) is None, "ten failed requests have opened a session")
    began = time.monotonic()
    with step(f"the eleventh opens a session within {DETECTION} s"):
        stack.app.serves(500)
        stack.opened = until("the session is open", lambda: stack.session(stack.app.name), within=DETECTION)
        must(time.monotonic() - began <= DETECTION, "that took too long")
        holder = stack.opened["holders"][0]
        must(holder["source"] == "alert" and holder["alert"]["endpoint"] == "/orders", f"unexpected holders: {stack.opened}")
    if "loki" in stack.here:
        fatal = otlp.Application(OTLP, f"{stack.app.name}-fatal", "production")
        with step(f"one FATAL line opens a session within {READING} s"):
            fatal.logs("cannot go on", otlp.FATAL, "FATAL")
            until("the session is open", lambda: stack.session(fatal.name), within=READING)
    else:
        not_checked("that a FATAL line opens a session", "there is no Loki here")


def watchdog(metrics):
    """Tells whether the service has seen the alert that always fires."""
    return any(line.startswith("autolog_watchdog_last_seen_timestamp_seconds") and float(line.split()[-1]) > 0
               for line in metrics.splitlines())


def guards_the_edge(stack):
    """Caddy lets in who has a token, and to nothing but Grafana and the API."""
    edge = Edge(stack)
    check = f"/api/autolog/check?app={stack.app.name}&environment=production"
    with step("check with an application's token is answered 200, and without one 401"):
        status, headers, body = edge.get(check, stack.secret("autolog_app_tokens"))
        must(status == 200 and json.loads(body)["enabled"] is True, f"check through Caddy: {status} {body}")
        must(headers["X-Content-Type-Options"] == "nosniff", f"security headers are missing: {headers}")
        must(headers["Strict-Transport-Security"] is None, "localhost gets HSTS")
        status, _, body = edge.get(check)
        must(status == 401, f"check without a token: {status} {body}")
    with step("metrics, probes and webhook are not there"):
        for method, path in (("GET", "/metrics"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/healthz"),
                             ("POST", "/webhook/autolog"), ("POST", "/Webhook/autolog"), ("POST", "//webhook/autolog")):
            status, _, _ = edge.get(path, stack.secret("autolog_webhook_secret"), method)
            must(status == 404, f"{method} {path} is answered {status}")
    with step("HTTP leads to HTTPS"):
        status, headers, _ = edge.get(check, scheme="http")
        must(status in (301, 308) and headers["Location"] == f"https://localhost{check}", f"{status} {headers['Location']}")
    if "grafana" in stack.here:
        with step("Grafana asks for a login"):
            status, headers, _ = edge.get("/")
            must(status == 302 and "/login" in headers["Location"], f"/ is answered {status}")


def keeps_sessions(stack):
    """A session outlives a restart and a crash of Redis, and docker compose down."""
    before = stack.opened["id"]

    def fresh():
        session = stack.session(stack.app.name)
        words = f"app={stack.app.name}&environment=production"
        answer = get_json(f"{API}/api/autolog/check?{words}", stack.secret("autolog_app_tokens"))
        return session and session["id"] == before and answer["enabled"] and not answer["stale"] and up(stack)

    with step("docker compose restart redis: the same session"):
        stack.project.compose("restart", "redis")
        until("the session is there", fresh, within=30)
    if os.geteuid() == 0:
        with step("Redis is killed and starts again by itself: the same session"):
            os.kill(stack.inspect("redis")["State"]["Pid"], signal.SIGKILL)
            until("it is another process", lambda: stack.inspect("redis")["State"]["Running"] and
                  stack.inspect("redis")["RestartCount"] == 1, within=30)
            until("the session is there", fresh, within=30)
    else:
        not_checked("a crash of Redis", "this is not run by root")
    with step("docker compose down, and up again"):
        stack.down()
        stack.up()
    is_healthy(stack)
    with step("the same session"):
        until("the session is there", fresh, within=30)


def up(stack):
    return "\nautolog_store_up 1\n" in call("GET", f"{stack.url('autolog', 5001)}/metrics")[1]


def stays_well(stack):
    """Memory, restarts, logs and alerts after all this."""
    with step("no container was restarted, and all together may use less than 4 GiB"):
        for service in stack.here:
            seen = stack.inspect(service)
            must(seen["State"]["Running"] and not seen["RestartCount"], f"{service} does not run, or was restarted")
        limits = sum(int(settings["mem_limit"]) for settings in stack.project.config()["services"].values())
        must(limits <= 4 * GIB, f"the limits add up to {limits} bytes")
    with step("each uses less than three quarters of its limit"):
        for service, settings in stack.here.items():
            used, limit = stack.engine.memory(stack.project.container(service)), int(settings["mem_limit"])
            print(f"         {service:15} {used >> 20:4} of {limit >> 20:4} MiB", flush=True)
            must(used < limit * 0.75, f"{service} uses {used} of {limit} bytes")
    with step("no log has an error or a secret"):
        for service in stack.here:
            must_log_well(stack, service)
    with step("no alert fires but those that should"):
        firing = {labels["alertname"] for labels, _ in stack.query('ALERTS{alertstate="firing"}')}
        meant = {"Watchdog", "RepeatedErrors"} | (MISSING if stack.left_out else set())
        must(firing <= meant, f"these fire: {sorted(firing - meant)}")


ERRORS = ("level=error", '"level":"error"', "\terror\t", "panic:")


def must_log_well(stack, service):
    known = [path.read_text().strip() for path in (stack.project.folder / "secrets").iterdir() if path.stat().st_size]
    for line in stack.logs(service):
        must(not any(error in line.lower() for error in ERRORS), f"{service} logs an error: {line}")
        must(not any(secret in line for secret in known), f"{service} logs a secret")


BEFORE_THE_CLOCK = [prepares]
ALL = [comes_up, reads_secrets, publishes, takes_telemetry, follows_an_alert, guards_the_edge, keeps_sessions, stays_well]
