"""Starts what is measured, each program on its core, and tells what it has cost."""
import http.client
import json
import os
import pathlib
import secrets
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
SERVER_CORE, LOAD_CORE = "0", "1"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TOKEN, OPERATOR, WEBHOOK = (secrets.token_hex(16) for _ in range(3))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program pinned to the core of servers, until the block ends."""

    def __init__(self, argv, folder, port, environment=None, core=SERVER_CORE):
        self.argv, self.port, self.environment = ["taskset", "-c", core, *map(str, argv)], port, environment
        self.log = folder / f"{pathlib.Path(argv[0]).name}-{port}.log"

    def __enter__(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        give_up = time.monotonic() + 10
        while time.monotonic() < give_up:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.0005)
        raise RuntimeError(f"{self.argv[3]} does not answer:\n{self.log.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(15)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def cpu(self):
        """Seconds of CPU that it has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident(self):
        """Bytes of memory that it has in use."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * PAGE


class Autolog(Server):
    """The release binary, with limits that do not stand in the way."""

    def __init__(self, folder, store, **more):
        self.admin = free_port()
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "AUTOLOG_LISTEN": f"127.0.0.1:{port}", "AUTOLOG_STORE": store,
            "AUTOLOG_ADMIN_LISTEN": f"127.0.0.1:{self.admin}", "AUTOLOG_DATA_DIR": str(folder / "data"),
            "AUTOLOG_OPERATOR_TOKENS": f"bench:{OPERATOR}", "AUTOLOG_APP_TOKENS": TOKEN, "AUTOLOG_WEBHOOK_SECRET": WEBHOOK,
            "AUTOLOG_OPEN_CHECK": "false", "AUTOLOG_LOG": "warn", "AUTOLOG_ERROR_THRESHOLD": "1000000",
            **{f"AUTOLOG_MAX_{name}": "1000000" for name in
               ("SESSIONS", "SESSIONS_PER_APP", "AUTOMATIC", "AUTOMATIC_PER_APP")}, **more}
        super().__init__([TARGET / "autolog", "serve"], folder, port, environment)

    def __enter__(self):
        super().__enter__()
        until(lambda: Client(self.port).get("/api/autolog/check?app=a&environment=e", TOKEN)[0] == 200)
        return self

    def fill(self, sessions):
        """Opens sessions by webhooks of a thousand alerts, as app-0, app-1, …"""
        client = Client(self.port)
        for first in range(0, sessions, 1000):
            client.post("/webhook/autolog", message(range(first, min(first + 1000, sessions))), WEBHOOK)


def redis(folder, core=SERVER_CORE):
    port = free_port()
    argv = ["redis-server", "--port", port, "--save", "", "--appendonly", "no", "--dir", folder]
    return Server(argv, folder, port, core=core)


class Wire:
    """The way to a program on this machine, which can swallow what is sent over it."""

    def __init__(self, port):
        self.behind, self.open = port, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open.set()

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def swallow(self, swallows):
        """Whether nothing arrives any more, while every connection stays open."""
        (self.open.clear if swallows else self.open.set)()

    def accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(("127.0.0.1", self.behind))
            except OSError:
                here.close()
                continue
            for source, sink in ((here, there), (there, here)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while received := source.recv(65536):
                if self.open.is_set():
                    sink.sendall(received)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Client:
    """One kept-alive connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path, token, **headers):
        return self.send("GET", path, None, token, headers)

    def post(self, path, body, token):
        return self.send("POST", path, body, token, {"Content-Type": "application/json"})

    def send(self, method, path, body, token, headers):
        self.connection.request(method, path, body, {"Authorization": f"Bearer {token}", **headers})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), answer.headers


def message(numbers, tag="", started="2026-11-22T03:12:45Z"):
    """A webhook's body with one firing alert for each number."""
    return json.dumps({"version": "4", "status": "firing", "receiver": "autolog", "truncatedAlerts": 0, "alerts": [{
        "status": "firing", "fingerprint": f"{tag}{number:08x}", "startsAt": started, "endsAt": "0001-01-01T00:00:00Z",
        "labels": {"alertname": "HighErrorRate", "autolog": "true", "severity": "critical", "category": "application",
                   "app": f"app{tag}-{number}", "environment": "production", "cluster": "main", "instance": "10.0.0.1:8080"},
        "annotations": {"summary": "12 % of the requests fail", "description": "More than 5 % have failed for five minutes.",
                        "runbook_url": "https://example.com/runbooks/error-rate"},
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up"} for number in numbers]})


def until(reached, within=15):
    give_up = time.monotonic() + within
    while time.monotonic() < give_up:
        try:
            if reached():
                return
        except OSError:
            pass
        time.sleep(0.0005)
    raise RuntimeError("waited too long")
