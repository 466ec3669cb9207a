"""The whole stack as a newcomer starts it: a clean copy of the tree, scripts/setup.sh, docker compose up."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import images
from engine import Engine, Project, output
from programs import Failure, get_json, until
from steps import must

ROOT = images.ROOT
NAME = "autolog-e2e"  # not the compose file's own name: a stack in use on this machine is left alone
STAND_IN = f"{NAME}-stand-in"
# Takes what the collector exports to programs that are not here, and writes it down.
STAND_IN_CONFIG = {
    "receivers": {"otlp/tempo": {"protocols": {"grpc": {"endpoint": "0.0.0.0:4317"},
                                               "http": {"endpoint": "0.0.0.0:4318"}}},
                  "otlp/loki": {"protocols": {"http": {"endpoint": "0.0.0.0:3100", "logs_url_path": "/otlp/v1/logs"}}}},
    "exporters": {"file": {"path": "/received/signals.json", "flush_interval": "200ms"}},
    "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": {
        "traces": {"receivers": ["otlp/tempo"], "exporters": ["file"]},
        "logs": {"receivers": ["otlp/loki"], "exporters": ["file"]}}}}


def not_checked(what, reason):
    print(f"  NOT CHECKED: {what}, since {reason}", flush=True)


class Stack:
    """Brings everything up on `up`, answers questions about it, and removes every trace of it on exit."""

    def __init__(self, binary):
        self.binary = binary
        self.here, self.left_out = {}, {}

    def __enter__(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="autolog-e2e-stack-"))
        self.engine = Engine()
        self.project = Project(self.engine, self.scratch / "autolog", NAME)
        return self

    def __exit__(self, kind, error, _):
        try:
            if isinstance(error, Exception):
                self.tell_logs()
            self.remove()
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.engine.stop()

    def tell_logs(self):
        if self.stands_in():
            last = self.engine.logs(STAND_IN).splitlines()[-25:]
            print("--- the end of the stand-in's log", *last, sep="\n", flush=True)
        for service in self.here:
            with contextlib.suppress(Failure):  # it may not have got that far
                print(f"--- the end of the log of {service}", *self.logs(service)[-25:], sep="\n", flush=True)

    def remove(self):
        """Removes containers, networks and volumes, also those that an interrupted run has left."""
        self.engine.run("rm", "--force", STAND_IN, check=False)
        if (self.project.folder / "docker-compose.yml").exists():
            self.project.down("--volumes", "--remove-orphans", "--timeout", "5")

    def copy_tree(self):
        """Copies the files that belong to the repository, and nothing that was built or set up in it."""
        listed = output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, timeout=20)
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (self.project.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.project.folder / name)

    def find_images(self):
        """Finds an image for each service; those that can neither be had nor be made are left out."""
        for service, settings in sorted(self.project.config()["services"].items()):
            if self.find_image(service, settings):
                self.here[service] = settings
            else:
                self.left_out[service] = settings["image"]

    def find_image(self, service, settings):
        image = settings["image"]
        if "build" in settings:
            if self.engine.name == "docker" and self.project.builds(service):
                return True
        elif self.engine.pull(image):
            return True
        foreign = self.engine.has_image(image) and not self.engine.label(image, images.LABEL)
        return foreign or images.make(self.engine, service, image, self.binary, self.scratch)

    def must_have_free_ports(self):
        for address, port, protocol in sorted(self.published()):
            kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
            with socket.socket(type=kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as error:
                    raise Failure(f"something listens on {address}:{port} already") from error

    def published(self):
        """Returns what the compose file publishes of the services that are here: address, port and protocol."""
        return {(port.get("host_ip") or "0.0.0.0", int(port["published"]), port["protocol"])
                for settings in self.here.values() for port in settings.get("ports", [])}

    def up(self):
        if self.stands_in():
            self.project.create_network(self.here)
            self.start_stand_in()
        self.project.up(self.here)

    def stands_in(self):
        return sorted({"loki", "tempo"} & set(self.left_out))

    def start_stand_in(self):
        received, config = self.scratch / "received", self.scratch / "stand-in.yaml"
        received.mkdir(exist_ok=True)
        received.chmod(0o777)
        config.write_text(json.dumps(STAND_IN_CONFIG))  # JSON is YAML
        config.chmod(0o644)
        aliases = [word for name in self.stands_in() for word in ("--network-alias", name)]
        self.engine.run(
            "run", "--detach", "--name", STAND_IN, "--network", f"{NAME}_default", *aliases,
            "--volume", f"{config}:/config.yaml:ro", "--volume", f"{received}:/received",
            self.here["otel-collector"]["image"], "--config=/config.yaml")

    def down(self, *words):
        """Stops everything as an operator does; volumes stay, unless the words say otherwise."""
        self.engine.run("rm", "--force", STAND_IN, check=False)
        self.project.down(*words)

    def received(self, text):
        """Returns the messages with a text in them that came for the programs that are not here."""
        path = self.scratch / "received" / "signals.json"
        return [json.loads(line) for line in path.read_text().splitlines() if text in line] if path.exists() else []

    def inspect(self, service):
        return self.engine.inspect(self.project.container(service))

    def logs(self, service):
        return self.engine.logs(self.project.container(service)).splitlines()

    def url(self, service, port):
        """Returns where a service answers on the project's own network, which this machine reaches."""
        networks = self.inspect(service)["NetworkSettings"]["Networks"]
        return f"http://{next(iter(networks.values()))['IPAddress']}:{port}"

    def gateway(self):
        """Returns an address of this machine that is not on loopback."""
        return next(iter(self.inspect("autolog")["NetworkSettings"]["Networks"].values()))["Gateway"]

    def secret(self, name):
        return (self.project.folder / "secrets" / name).read_text().strip()

    def query(self, expression, instant=None):
        """Returns the series that Prometheus has for an expression, now or then: (labels, value)."""
        words = urllib.parse.urlencode({"query": expression, **({"time": instant} if instant else {})})
        result = get_json(f"{self.url('prometheus', 9090)}/api/v1/query?{words}")["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def session(self, app):
        """Returns the application's session, or None."""
        token = self.secret("autolog_operator_tokens").partition(":")[2]
        words = urllib.parse.urlencode({"app": app})
        sessions = get_json(f"http://127.0.0.1:5000/api/autolog/list?{words}", token)["sessions"]
        must(len(sessions) < 2, f"{app} has {len(sessions)} sessions")
        return sessions[0] if sessions else None


class Edge:
    """What somebody outside sees through Caddy, whose own authority is the only one that is trusted."""

    def __init__(self, stack):
        path = stack.scratch / "authority.crt"
        container = stack.project.container("caddy")
        root = until("Caddy has made its authority", lambda: stack.engine.run(
            "exec", container, "cat", "/data/caddy/pki/authorities/local/root.crt", check=False), within=20)
        path.write_text(root)
        self.authority = root
        context = ssl.create_default_context(cafile=path)
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), Stay())

    def get(self, path, token=None, method="GET", scheme="https"):
        """Returns the status, the headers and the body."""
        request = urllib.request.Request(f"{scheme}://localhost{path}", method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with self.opener.open(request, timeout=10) as reply:
                return reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode(errors="replace")


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_):
        return None


def reads_as(pid, user, groups, path):
    """Tells whether a user may read a file as a container's process sees it; returns None where we cannot ask."""
    if os.geteuid() != 0:
        return None
    folder, name = os.path.split(path)
    opened = os.open(f"/proc/{pid}/root{folder}", os.O_RDONLY | os.O_DIRECTORY)
    try:
        child = subprocess.run(
            ["cat", name], cwd=f"/proc/self/fd/{opened}", pass_fds=[opened], user=user, group=groups[0],
            extra_groups=groups[1:], capture_output=True, check=False)
        return child.returncode == 0
    finally:
        os.close(opened)
