#!/usr/bin/env python3
"""Runs every query of the dashboards on real programs with data in them: each must return something.

    tests/e2e/dashboards.py

autolog, Prometheus, Alertmanager, Redis, the exporters and the collector are real. Series of what does not run here
(Loki, Tempo, cAdvisor, an application) are shown by a page under their own names, as the output says. AUTOLOG_BIN is the
service to test (default: target/debug/autolog). LogQL is run if AUTOLOG_LOKI names a Loki, or one is on the path.
"""
import contextlib
import math
import pathlib
import subprocess
import sys
import threading
import time
import urllib.parse

import dashboards_logs
import loki_program
from alertmanager import start_alertmanager, start_prometheus, wait_ready
from double import Double
from otlp import Application, new_trace
from programs import Failure, Program, answers, call, free_port, get_json, until
from steps import must, step
from world import ROOT, Autolog, Redis, World

sys.path.insert(0, str(ROOT / "tests" / "stack"))
from grafana import queries  # noqa: E402  (found by the line above)
from metrics import ELSEWHERE, RUN  # noqa: E402

VARIABLES = {"environment": ".*", "service": "shop", "level": ".*", "search": ""}
FAILED_REQUESTS = 40  # what a count of 5xx grows by each second


class Elsewhere(Double):
    """Shows the metrics of programs that do not run here; counters grow with time."""

    def __init__(self):
        self.began = time.monotonic()
        super().__init__()

    def answer(self, path, headers, body):
        grown = int(1 + (time.monotonic() - self.began) * FAILED_REQUESTS)
        lines = []
        for name, labels in ELSEWHERE.items():
            rows = [{**labels, "le": bound} for bound in ("0.1", "1", "+Inf")] if name.endswith("_bucket") else [labels]
            lines += [f'{name}{{{",".join(f"{key}={chr(34)}{value}{chr(34)}" for key, value in row.items())}}} {grown}'
                      for row in rows]
        return 200, {"Content-Type": "text/plain; version=0.0.4"}, ("\n".join(lines) + "\n").encode()


def fetched(verb, program):
    folder = subprocess.run([ROOT / "scripts" / "tools.sh", verb], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(folder.stdout.strip()) / program


class StackWorld(World):
    """What the dashboards look at, as far as it can be had here."""

    def open(self, folder):
        self.redis = self.run(Redis(folder))
        self.autolog = self.run(Autolog(folder, self.redis.store, self.ttl))
        config = (ROOT / "alertmanager" / "alertmanager.yml").read_text()
        for shipped, here in (("http://autolog:5000", self.autolog.url),
                              ("/run/secrets/autolog_webhook_secret", str(self.autolog.secret_file))):
            config = config.replace(shipped, here)
        self.alertmanager = self.keep(start_alertmanager("0.33", folder, config))
        self.elsewhere = Elsewhere()
        targets = [("autolog", self.autolog.admin_port), ("elsewhere", self.elsewhere.server_port),
                   ("alertmanager", self.alertmanager.url.rpartition(":")[2]),
                   ("node-exporter", self.exporter("node-exporter", "prometheus-node-exporter", folder)),
                   ("redis-exporter", self.exporter("redis-exporter", "prometheus-redis-exporter", folder,
                                                    f"-redis.addr=redis://127.0.0.1:{self.redis.port}")),
                   ("otel-collector", self.collector(folder))]
        self.prometheus = self.keep(start_prometheus(
            "0.33", folder, self.alertmanager, [(job, f"127.0.0.1:{port}", {}) for job, port in targets],
            ROOT / "alert-rules" / "prometheus" / "*.yml", "--storage.tsdb.retention.size=1GB",
            scrape_itself=True))
        wait_ready(self.alertmanager, self.prometheus)
        self.autolog.ready()

    def exporter(self, name, program, folder, *flags):
        port = free_port()
        self.run(Program(name, [fetched(name, program), f"--web.listen-address=127.0.0.1:{port}", *flags], folder))
        until(f"{name} answers", lambda: answers(f"http://127.0.0.1:{port}/metrics"), within=10)
        return port

    def collector(self, folder):
        """Starts the collector with its own configuration, on ports that are free here."""
        ports = {port: free_port() for port in ("4317", "4318", "8888", "13133")}
        self.otlp = f"http://127.0.0.1:{ports['4318']}"
        config = (ROOT / "stack" / "otel-collector" / "config.yaml").read_text()
        for shipped, here in ports.items():
            for before in ("0.0.0.0:", "port: "):
                config = config.replace(f"{before}{shipped}", f"{before}{here}")
        path = folder / "collector.yaml"
        path.write_text(config)
        self.run(Program("otel-collector", [fetched("collector", "otelcol-contrib"), f"--config={path}"], folder))
        until("the collector answers", lambda: answers(f"http://127.0.0.1:{ports['13133']}"), within=15)
        return ports["8888"]


def use(world):
    """Does what the panels are about: opens, refuses, polls, waits, freezes and ends."""
    autolog, operator = world.autolog, world.autolog.operator_token

    def post(path, body, token=operator):
        status, text = call("POST", f"{autolog.url}{path}", body, token)
        must(status in (200, 202), f"{path} answers {status}: {text}")

    post("/api/autolog/enable", {"app": "billing", "environment": "production", "endpoint": "/pay", "ttl_seconds": 300})
    post("/api/autolog/errors", {"events": [{"app": "cart", "environment": "staging", "count": 50}]}, autolog.app_token)
    secret = autolog.secret_file.read_text().strip()
    post("/webhook/watchdog", message("Watchdog", "watch"), secret)
    post("/api/autolog/disable", {"app": "mail", "environment": "production"})
    post("/webhook/autolog", message("HighErrorRate", "mail"), secret)  # waits for the cooldown
    application = Application(world.otlp, "shop", "production")
    application.serves(200)
    application.logs("nothing is wrong")
    application.traces(new_trace())


def poll(world, closing):
    """Polls as applications do, until the test is over."""
    while not closing.wait(0.2):
        for app in ("shop", "billing"):
            with contextlib.suppress(OSError, ValueError):  # the end of the test may be in between
                world.autolog.check(app)


def message(alert, app):
    return {"version": "4", "status": "firing", "alerts": [{
        "status": "firing", "labels": {"alertname": alert, "app": app, "environment": "production", "autolog": "true"},
        "startsAt": "2026-11-22T03:12:45Z", "fingerprint": f"{app:0>16}"}]}


def run(world, query, begun):
    """Returns the numbers that a panel would show."""
    text, now = query.filled(**VARIABLES, __rate_interval="15s"), time.time()
    asked = {"query": text, "time": now} if query.instant else {"query": text, "start": begun, "end": now, "step": 2}
    path = "query" if query.instant else "query_range"
    body = get_json(f"{world.prometheus.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}")
    rows = body["data"]["result"]
    samples = [row["value"] for row in rows if "value" in row] + [pair for row in rows for pair in row.get("values", [])]
    return [float(value) for _, value in samples if not math.isnan(float(value))]


def empty(world, begun):
    """Returns the queries that return nothing."""
    return [query for query in queries("prometheus") if not run(world, query, begun)]


def unknown(world):
    """Returns the metrics that a program should show and does not; the collector may add a suffix."""
    return [(job, name) for job, names in RUN.items() for name in names
            if not world.sample(f'count({{__name__=~"{name}(_total)?",job="{job}"}})')]


def logs():
    """Runs the LogQL queries, or says why not, and returns how many ran."""
    binary = loki_program.find()
    if not binary:
        print("NOT CHECKED: the LogQL queries on data, since no Loki is here; AUTOLOG_LOKI may name one")
        return 0
    filled = [(f"{query.dashboard}: {query.panel}", query.filled(**VARIABLES)) for query in queries("loki")]
    dashboards_logs.run(binary, filled)
    return len(filled)


def main():
    print(f"Every Prometheus query of the dashboards; shown by a page, not by their programs: {', '.join(ELSEWHERE)}")
    begun, closing = time.time(), threading.Event()
    try:
        with StackWorld("0.33", ttl=60) as world, contextlib.ExitStack() as stack:
            stack.callback(closing.set)
            threading.Thread(target=poll, args=(world, closing), daemon=True).start()
            with step("sessions are opened, refused and waited for"):
                use(world)
                until("an alert of the rules has opened a session", lambda: world.autolog.session(), within=60)
            with step("a session ends after it was seen for a while"):
                until("Prometheus saw it 35 s ago", lambda: world.sample(
                    'autolog_session_info{app="billing"} offset 35s'), within=60)
                call("POST", f"{world.autolog.url}/api/autolog/disable", {"all": True}, world.autolog.operator_token)
                until("Prometheus sees it end", lambda: world.sample(
                    'absent(autolog_session_info{app="billing"})'), within=20)
                world.autolog.enable("shop", 300)
            with step("each program shows the metrics that are known of it"):
                until("no metric is missing", lambda: not unknown(world), within=10)
            count = len(queries("prometheus"))
            with step(f"each of {count} queries returns something"):
                missing, give_up = empty(world, begun), time.monotonic() + 20
                while missing and time.monotonic() < give_up:
                    missing = empty(world, begun)
                lost = "".join(f"\n    {query.dashboard}: {query.panel}: {query.text}" for query in missing)
                must(not missing, f"these return nothing:{lost}")
        count += logs()
    except Failure as failure:
        print(f"FAILED: {failure}")
        print("0 passed, 1 failed")
        return 1
    print("NOT CHECKED: the TraceQL queries on data, since this starts no Tempo; their syntax is, by make check-stack")
    print(f"{count} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
