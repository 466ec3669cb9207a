"""The programs that make up the path of signals, with the shipped files, and questions to them."""
import json
import os
import subprocess
import time
import urllib.parse

import images
from double import Double
from network import STACK, Network
from programs import Failure, Program, answers, get_json, plain_environment, until

ROOT = images.ROOT
ENVIRONMENT, CLUSTER = "canary", "north"  # not the defaults, so that a file which ignores them is found out
COLLECTOR = "http://otel-collector:4318"
PROMETHEUS = "http://prometheus:9090"
# As the compose file mounts them; /etc/prometheus and the others are this test's own.
MOUNTS = {"stack/otel-collector": "/etc/otel-collector", "stack/prometheus": "/etc/prometheus",
          "alert-rules/prometheus": "/etc/alert-rules"}
STAND_IN = {
    "receivers": {"otlp/tempo": {"protocols": {"grpc": {"endpoint": "tempo:4317"}}},
                  "otlp/loki": {"protocols": {"http": {"endpoint": "loki:3100", "logs_url_path": "/otlp/v1/logs"}}}},
    "exporters": {"file/tempo": {"flush_interval": "200ms"}, "file/loki": {"flush_interval": "200ms"}},
    "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {
        "traces": {"receivers": ["otlp/tempo"], "exporters": ["file/tempo"]},
        "logs": {"receivers": ["otlp/loki"], "exporters": ["file/loki"]}}}}


class Alertmanager(Double):
    """Takes the alerts that Prometheus sends, and remembers the labels of each."""

    def __init__(self):
        self.alerts = {}
        super().__init__((STACK, 9093))

    def answer(self, path, headers, body):
        for alert in json.loads(body):
            self.alerts.setdefault(alert["labels"]["alertname"], alert["labels"])
        return 200, {}, b""


class SignalsWorld:
    """Collector, Prometheus, node_exporter, what stands in for Loki and Tempo, and a list of alerts."""

    def __init__(self, folder):
        self.folder, self.programs = folder, []

    def __enter__(self):
        services = self.compose()
        self.network = Network(self.folder / "etc", services)
        for source, target in MOUNTS.items():
            self.network.mount(ROOT / source, target)
        self.alertmanager = Alertmanager()
        self.binary = images.tool("collector", "otelcol-contrib")
        self.start_stand_in()
        collector, prometheus = services["otel-collector"], services["prometheus"]
        self.collector = self.run("collector", [*self.network.at_collector(), self.binary, *collector["command"]],
                 collector["environment"])
        self.prometheus = self.run(
            "prometheus", [images.tool("prometheus", "prometheus"), *self.moved(prometheus["command"])],
            prometheus["environment"])
        exporter = images.tool("node-exporter", "prometheus-node-exporter")
        self.run("node-exporter", [exporter, f"--web.listen-address={STACK}:9100"], {})
        self.ready("http://otel-collector:13133")
        self.ready(f"{PROMETHEUS}/-/ready")
        return self

    def ready(self, url):
        until(f"{url} answers", lambda: self.must_run() or answers(url), within=60)

    def __exit__(self, kind, error, _):
        for program in reversed(self.programs):
            program.stop()
            if kind:
                print(f"--- {program.name}", *program.lines()[-15:], sep="\n", flush=True)
        self.network.close()

    def compose(self):
        """Returns the services of the compose file, as Compose reads it with our settings."""
        settings = self.folder / "settings"
        settings.write_text(f"DEFAULT_ENVIRONMENT={ENVIRONMENT}\nCLUSTER={CLUSTER}\n")
        done = subprocess.run(
            [images.tool("compose", "docker-compose"), "--project-directory", ROOT, "--env-file", settings,
             "--profile", "*", "config", "--format", "json"],
            env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"docker-compose config: {done.stderr}")
        return json.loads(done.stdout.replace("$$", "$"))["services"]

    def moved(self, command):
        """Returns the command of Prometheus with its data in our folder: there is no volume here."""
        known = "--storage.tsdb.path=/prometheus"
        if known not in command:
            raise Failure(f"the compose file does not say {known}")
        return [f"--storage.tsdb.path={self.folder / 'prometheus'}" if word == known else word for word in command]

    def run(self, name, argv, environment):
        program = Program(name, argv, self.folder, plain_environment(**environment)).start()
        self.programs.append(program)
        return program

    def must_run(self):
        for program in self.programs:
            program.must_run()

    def start_stand_in(self):
        for name, exporter in STAND_IN["exporters"].items():
            exporter["path"] = str(self.received_by(name.removeprefix("file/")))
        config = self.folder / "stand-in.yaml"
        config.write_text(json.dumps(STAND_IN))  # JSON is YAML
        self.stand_in = self.run("stand-in", [self.binary, f"--config={config}"], {})

    def stop_stand_in(self):
        self.programs.remove(self.stand_in)
        self.stand_in.stop()

    def received_by(self, target):
        return self.folder / f"{target}.json"

    def resources(self, target):
        """Returns what came for Loki or Tempo: (attributes of the resource, its content)."""
        kind, scopes = {"loki": ("resourceLogs", "scopeLogs"), "tempo": ("resourceSpans", "scopeSpans")}[target]
        path = self.received_by(target)
        text = path.read_text() if path.exists() else ""
        messages = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
        return [(values(resource["resource"].get("attributes", [])), resource[scopes])
                for message in messages for resource in message[kind]]

    def find(self, target, name):
        """Returns (attributes, content) of what came of a service; once, or it fails."""
        found = [pair for pair in self.resources(target) if pair[0].get("service.name") == name]
        if len(found) > 1:
            raise Failure(f"{target} got {name} {len(found)} times")
        return found[0] if found else None

    def query(self, expression):
        """Returns the series of an expression: (labels, value)."""
        words = urllib.parse.urlencode({"query": expression})
        result = get_json(f"{PROMETHEUS}/api/v1/query?{words}")["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def exemplars(self, selector):
        """Returns the trace ids of the exemplars of a series."""
        now = time.time()
        words = urllib.parse.urlencode({"query": selector, "start": now - 300, "end": now + 10})
        series = get_json(f"{PROMETHEUS}/api/v1/query_exemplars?{words}")["data"]
        return [exemplar["labels"].get("trace_id") for one in series for exemplar in one["exemplars"]]


def values(attributes):
    """Returns attributes of OTLP's JSON as a dict."""
    return {pair["key"]: next(iter(pair["value"].values()), None) for pair in attributes}
