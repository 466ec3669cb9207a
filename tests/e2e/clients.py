#!/usr/bin/env python3
"""The clients under examples/, each of them a program that logs, against a real service with tokens."""
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from programs import Program, call, free_port, plain_environment, until

OPERATOR, APP = "operator-token-of-the-test-of-examples", "app-token-of-the-test-of-the-examples"
ROOT = pathlib.Path(__file__).resolve().parents[2]
TTL = 60  # seconds; autolog grants no less
EXAMPLES = ROOT / "examples"
BINARY = pathlib.Path(os.environ.get("AUTOLOG_BIN") or ROOT / "target" / "debug" / "autolog")


class World:
    """A service with the embedded store, and every example that can run here, each an application of its own."""

    def __init__(self, folder):
        self.folder, self.programs, self.listen = folder, {}, free_port()
        self.url = f"http://127.0.0.1:{self.listen}"
        admin = free_port()
        self.service = Program("autolog", [BINARY, "serve"], folder, plain_environment(
            AUTOLOG_LISTEN=f"127.0.0.1:{self.listen}", AUTOLOG_ADMIN_LISTEN=f"127.0.0.1:{admin}",
            AUTOLOG_DATA_DIR=folder / "data", AUTOLOG_POLL_INTERVAL="5s", AUTOLOG_OPEN_CHECK="false",
            AUTOLOG_OPERATOR_TOKENS=f"test:{OPERATOR}", AUTOLOG_APP_TOKENS=APP)).start()
        until("autolog is ready", lambda: call("GET", f"http://127.0.0.1:{admin}/readyz")[0] == 200, within=20)

    def start(self, name, *command):
        env = plain_environment(AUTOLOG_URL=self.url, AUTOLOG_TOKEN=APP, AUTOLOG_ENVIRONMENT="production",
                                OTEL_SERVICE_NAME=name, AUTOLOG_APP=name, PYTHONPATH=EXAMPLES / "python",
                                PYTHONDONTWRITEBYTECODE="1", HOME=os.environ.get("HOME", "/nonexistent"))
        self.programs[name] = Program(name, command, self.folder, env).start()

    def stop(self):
        for program in (*self.programs.values(), self.service):
            program.stop()

    def tell(self, verb, **more):
        for name in self.programs:
            status, text = call("POST", f"{self.url}/api/autolog/{verb}",
                                {"app": name, "environment": "production", **more}, OPERATOR)
            if status != 200:
                raise AssertionError(f"{verb} {name}: {status} {text}")

    def all_become(self, verbose, within):
        """Waits until every program is verbose, or logs two orders in a row without; returns when each was seen so."""
        since = {name: len(program.lines()) for name, program in self.programs.items()}
        seen, begun = {}, time.monotonic()
        while len(seen) < len(self.programs):
            if time.monotonic() > begun + within:
                raise AssertionError(f"within {within} s not {'verbose' if verbose else 'quiet'}: "
                                     f"{sorted(set(self.programs) - set(seen))}")
            time.sleep(0.1)
            for name in set(self.programs) - set(seen):
                self.programs[name].must_run()
                lines = self.programs[name].lines()[since[name]:]
                debug = ["basket" in line for line in lines if "basket" in line or "order" in line]
                if any(debug) if verbose else debug[-2:] == [False, False]:
                    seen[name] = time.monotonic()
        return seen


class StallingWorld(World):
    """Something that grants one short lease to each application, and from then on never finishes an answer."""

    LEASE = 7  # seconds

    def __init__(self, folder):
        self.folder, self.programs, self.granted, self.over = folder, {}, {}, threading.Event()
        world = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"enabled": True, "level": "debug", "expires_in_seconds": world.LEASE,
                                   "poll_interval_seconds": 5}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.path in world.granted:
                    self.wfile.write(body[:5])
                    world.over.wait(60)
                else:
                    world.granted[self.path] = time.monotonic()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.service.daemon_threads, self.service.stop = True, self._stop
        self.url = f"http://127.0.0.1:{self.service.server_port}"
        threading.Thread(target=self.service.serve_forever, daemon=True).start()

    def _stop(self):
        self.over.set()
        self.service.shutdown()
        self.service.server_close()


PYTHON = """
import logging, time, autolog_client
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
autolog_client.start()
while True:
    logging.info("an order came in")
    logging.debug("its basket, its prices, and what the warehouse said")
    time.sleep(0.2)
"""


class Examples(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="autolog-examples-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def start_all(self, world):
        self.world = world
        self.addCleanup(world.stop)
        self.world.start("python", sys.executable, "-u", "-c", PYTHON)
        self.if_here("node", "node", EXAMPLES / "node" / "shop.mjs")
        self.if_here("java", "java", EXAMPLES / "java" / "Autolog.java")
        if self.here("go"):
            program = self.folder / "follow"
            subprocess.run(["go", "build", "-o", program, EXAMPLES / "go" / "autolog.go"], check=True)
            self.world.start("go", program)
        rust = BINARY.parent / "examples" / "poll"
        if rust.exists():
            self.world.start("rust", rust)
        else:
            print(f"NOT CHECKED: examples/poll.rs, since there is no {rust}", flush=True)
        print("NOT CHECKED: examples/dotnet, since its class is no program", flush=True)

    def here(self, program):
        if shutil.which(program):
            return True
        print(f"NOT CHECKED: examples/{program}, since {program} is missing", flush=True)
        return False

    def if_here(self, name, program, *arguments):
        if self.here(program):
            self.world.start(name, program, *arguments)

    def test_they_go_verbose_and_back_when_told_and_by_themselves_when_the_service_is_gone(self):
        self.start_all(World(self.folder))
        for name in self.world.programs:
            until(f"{name} logs", lambda name=name: self.world.programs[name].logged("INFO"), within=30)
        self.world.tell("enable", ttl_seconds=600)
        self.world.all_become(True, within=20)
        self.world.tell("disable")
        self.world.all_become(False, within=20)
        enabled = time.monotonic()
        self.world.tell("enable", ttl_seconds=TTL)
        self.world.all_become(True, within=20)
        self.world.service.kill()
        ended = self.world.all_become(False, within=TTL + 20)
        for name, instant in ended.items():
            self.assertGreater(instant - enabled, TTL - 2, f"{name} did not keep its lease")
            self.assertLess(instant - enabled, TTL + 5, f"{name} was verbose for too long")

    def test_a_lease_ends_on_time_while_the_body_of_an_answer_stalls(self):
        self.start_all(StallingWorld(self.folder))
        self.world.all_become(True, within=40)
        ended = self.world.all_become(False, within=StallingWorld.LEASE + 5)
        latest_grant = max(self.world.granted.values())
        for name, instant in ended.items():
            self.assertLess(instant - latest_grant, StallingWorld.LEASE + 2, f"{name} was verbose for too long")


if __name__ == "__main__":
    unittest.main()
