"""One world per scenario: autolog, its store, Prometheus, Alertmanager and a shop with customers, all real."""
import datetime
import os
import pathlib
import re
import secrets
import sys
import tempfile
import threading
import urllib.parse

from alertmanager import start_alertmanager, start_prometheus, wait_ready, webhook
from programs import Failure, Program, answers, call, free_port, get_json, plain_environment, until

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUP_INTERVAL = 5  # seconds; Alertmanager repeats a firing alert, and retries a failed message, this often at least
POLL = 5  # seconds between two polls of the shop, the least that its client does

RULES = """\
groups:
  - name: shop
    rules:
      - alert: ShopErrors
        expr: sum by (app, environment) (rate(shop_errors_total[5s])) > 0
        labels:
          autolog: "true"
          severity: critical
        annotations:
          summary: "{{ $labels.app }} fails in {{ $labels.environment }}"
"""


class Shop(Program):
    """The example application, and the customers who ask it for orders five times a second."""

    def __init__(self, folder, autolog):
        self.port = free_port()
        env = plain_environment(
            AUTOLOG_URL=autolog.url, AUTOLOG_TOKEN=autolog.app_token, AUTOLOG_APP="shop",
            AUTOLOG_ENVIRONMENT="production", AUTOLOG_LOGGERS="shop", AUTOLOG_POLL_SECONDS=POLL, TZ="UTC")
        program = ROOT / "examples" / "python" / "shop.py"
        super().__init__("shop", [sys.executable, program, "--port", self.port], folder, env)
        self.url = f"http://127.0.0.1:{self.port}"
        self.closing = threading.Event()

    def start(self):
        super().start()
        threading.Thread(target=self.shopping, daemon=True).start()
        return self

    def stop(self):
        self.closing.set()
        super().stop()

    def shopping(self):
        while not self.closing.wait(0.2):
            try:
                call("GET", f"{self.url}/orders")
            except OSError:
                continue  # not open yet, or closed already

    def fail(self, on):
        if call("POST", f"{self.url}/fail?on={int(on)}")[0] != 200:
            raise Failure("the shop does not take orders from the test")

    def written(self, level):
        """Returns the times of all lines of one level."""
        line = re.compile(rf"(\S+ \S+),(\d+) {level} shop: ")
        return [datetime.datetime.fromisoformat(f"{found[1]}.{found[2]}+00:00").timestamp()
                for found in map(line.match, self.lines()) if found]

    def writes(self, level, more=1, within=10):
        """Waits until that many more lines of a level are written."""
        goal = len(self.written(level)) + more
        until(f"the shop writes {more} more lines at {level}", lambda: len(self.written(level)) >= goal, within)


class Autolog(Program):
    """The service under test, as an operator sees it."""

    def __init__(self, folder, store, ttl):
        self.port, self.admin_port = free_port(), free_port()
        self.operator_token, self.app_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.secret_file = folder / "webhook-secret"
        self.secret_file.write_text(secrets.token_urlsafe(24) + "\n")
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin = f"http://127.0.0.1:{self.admin_port}"
        env = plain_environment(
            AUTOLOG_LISTEN=f"127.0.0.1:{self.port}", AUTOLOG_ADMIN_LISTEN=f"127.0.0.1:{self.admin_port}",
            AUTOLOG_DATA_DIR=folder / "data", AUTOLOG_STORE=store, AUTOLOG_OPEN_CHECK="false",
            AUTOLOG_WEBHOOK_SECRET_FILE=self.secret_file, AUTOLOG_OPERATOR_TOKENS=f"e2e:{self.operator_token}",
            AUTOLOG_APP_TOKENS=self.app_token, AUTOLOG_TTL_MIN="1s", AUTOLOG_TTL=f"{ttl}s",
            AUTOLOG_POLL_INTERVAL=f"{POLL}s")
        binary = os.environ.get("AUTOLOG_BIN") or ROOT / "target" / "debug" / "autolog"
        super().__init__("autolog", [binary, "serve"], folder, env)

    def ready(self):
        until("autolog is ready", lambda: self.must_run() or answers(f"{self.admin}/readyz"), within=10)

    def check(self, app="shop", environment="production"):
        query = urllib.parse.urlencode({"app": app, "environment": environment})
        return get_json(f"{self.url}/api/autolog/check?{query}", self.app_token)

    def session(self):
        """Returns the shop's session, or None."""
        query = urllib.parse.urlencode({"app": "shop", "environment": "production"})
        sessions = get_json(f"{self.url}/api/autolog/list?{query}", self.operator_token)["sessions"]
        if len(sessions) > 1:
            raise Failure(f"the shop has {len(sessions)} sessions")
        return sessions[0] if sessions else None

    def enable(self, app, ttl):
        body = {"app": app, "environment": "production", "ttl_seconds": ttl, "reason": "end-to-end test"}
        status, text = call("POST", f"{self.url}/api/autolog/enable", body, self.operator_token)
        if status != 200:
            raise Failure(f"enable answers {status}: {text}")


class Redis(Program):
    """A Redis that has every acknowledged write on disk."""

    def __init__(self, folder):
        self.port = free_port()
        data = folder / "redis"
        data.mkdir()
        super().__init__("redis", [
            "redis-server", "--bind", "127.0.0.1", "--port", self.port, "--dir", data,
            "--save", "", "--appendonly", "yes", "--appendfsync", "always"], folder)
        self.store = f"redis://127.0.0.1:{self.port}/0"


class World:
    """Starts everything on entry, and ends every process on exit, whatever happened in between."""

    def __init__(self, version, redis=False, ttl=30):
        self.version, self.with_redis, self.ttl = version, redis, ttl
        self.programs = []

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="autolog-e2e-")
        try:
            self.open(pathlib.Path(self.scratch.name))
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def open(self, folder):
        self.redis = self.run(Redis(folder)) if self.with_redis else None
        store = self.redis.store if self.redis else f"redb:{folder / 'data' / 'autolog.redb'}"
        self.autolog = self.run(Autolog(folder, store, self.ttl))
        self.shop = self.run(Shop(folder, self.autolog))
        self.alertmanager = self.keep(start_alertmanager(self.version, folder, {
            "route": {"receiver": "default", "routes": [{
                "matchers": ['autolog="true"'], "receiver": "autolog-webhook",
                "group_by": ["alertname", "app", "environment", "endpoint"],
                "group_wait": "0s", "group_interval": f"{GROUP_INTERVAL}s", "repeat_interval": "1s"}]},
            "receivers": [{"name": "default"}, {"name": "autolog-webhook", "webhook_configs": [
                webhook(self.version, f"{self.autolog.url}/webhook/autolog", self.autolog.secret_file)]}]}))
        self.prometheus = self.keep(start_prometheus(self.version, folder, self.alertmanager, [
            ("shop", f"127.0.0.1:{self.shop.port}", {"app": "shop", "environment": "production"}),
            ("autolog", f"127.0.0.1:{self.autolog.admin_port}", {})], RULES))
        wait_ready(self.alertmanager, self.prometheus)
        self.autolog.ready()
        until("the shop is open", lambda: self.shop.must_run() or answers(f"{self.shop.url}/orders"), within=10)

    def run(self, program):
        return self.keep(program).start()

    def keep(self, program):
        self.programs.append(program)
        return program

    def __exit__(self, kind, error, _):
        for program in reversed(self.programs):
            program.stop()
        try:
            if isinstance(error, Exception):
                for program in self.programs:
                    print(f"--- the end of {program.name}.log", *program.lines()[-40:], sep="\n", flush=True)
            elif error is None:
                self.must_keep_secrets()
        finally:
            self.scratch.cleanup()

    def must_keep_secrets(self):
        known = (self.autolog.operator_token, self.autolog.app_token, self.autolog.secret_file.read_text().strip())
        for program in self.programs:
            if any(program.logged(secret) for secret in known):
                raise Failure(f"{program.name} wrote a secret to its log")

    def firing(self):
        """Returns the alerts that fire in Prometheus."""
        alerts = get_json(f"{self.prometheus.url}/api/v1/alerts")["data"]["alerts"]
        return [alert for alert in alerts if alert["state"] == "firing"]

    def sample(self, query):
        """Returns the value that Prometheus has for a query, or None."""
        query = urllib.parse.urlencode({"query": query})
        result = get_json(f"{self.prometheus.url}/api/v1/query?{query}")["data"]["result"]
        return float(result[0]["value"][1]) if result else None
