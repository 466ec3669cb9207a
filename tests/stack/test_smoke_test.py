"""scripts/smoke-test.sh with a real Alertmanager, which has the stack's routes, and a real autolog.

Collector, Tempo, Loki and Prometheus are played (signals_double.py); `make e2e-stack` runs it with the real ones it has.
"""
import os
import re
import shutil
import subprocess
import unittest

from stack import ROOT, read, scratch_folder, set_up, tool
from alertmanager import start_alertmanager, wait_ready
from programs import Program, call, free_port, get_json, plain_environment, until
from signals_double import Signals

AWKWARD = r"""p|a&s\s: '"$word" `#{{ .X }},%41 *!~<>^é"""


class SmokeTest(unittest.TestCase):
    def setUp(self):
        self.folder = scratch_folder("smoke", self.addCleanup)
        set_up(self.folder)
        self.secrets = self.folder / "secrets"
        shutil.copytree(ROOT / "scripts", self.folder / "scripts", dirs_exist_ok=True)
        self.write_tokens(operator=f"{AWKWARD} 1", app=f"# {AWKWARD} 2")
        self.record_curl()
        self.start_autolog()
        self.start_alertmanager(self.secrets / "autolog_webhook_secret")

    def write_tokens(self, operator, app):
        self.tokens = operator, app
        for name, text in (("autolog_operator_tokens", f"admin:{operator}"), ("autolog_app_tokens", app)):
            (self.secrets / name).unlink()
            (self.secrets / name).write_text(f"\n{text}\r\n")

    def record_curl(self):
        """A curl that writes down its arguments, which everybody on a machine can read."""
        self.calls = self.folder / "calls"
        curl = self.folder / "bin" / "curl"
        curl.parent.mkdir()
        curl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{self.calls}\nexec {shutil.which("curl")} "$@"\n')
        curl.chmod(0o755)

    def start_autolog(self):
        listen, admin = free_port(), free_port()
        binary = os.environ.get("AUTOLOG_BIN") or ROOT / "target" / "debug" / "autolog"
        self.autolog = f"http://127.0.0.1:{listen}"
        service = Program("autolog", [binary, "serve"], self.folder, plain_environment(
            AUTOLOG_LISTEN=f"127.0.0.1:{listen}", AUTOLOG_ADMIN_LISTEN=f"127.0.0.1:{admin}", AUTOLOG_STORE="memory:",
            AUTOLOG_DATA_DIR=self.folder / "data", AUTOLOG_OPEN_CHECK="false",
            AUTOLOG_WEBHOOK_SECRET_FILE=self.secrets / "autolog_webhook_secret",
            AUTOLOG_OPERATOR_TOKENS_FILE=self.secrets / "autolog_operator_tokens",
            AUTOLOG_APP_TOKENS_FILE=self.secrets / "autolog_app_tokens"))
        self.addCleanup(service.stop)
        service.start()
        until("autolog is ready", lambda: call("GET", f"http://127.0.0.1:{admin}/readyz")[0] == 200, within=20)

    def start_alertmanager(self, secret):
        tool("stack", "alertmanager")
        config = read("alertmanager/alertmanager.yml").replace("http://autolog:5000", self.autolog)
        config = config.replace("/run/secrets/autolog_webhook_secret", str(secret))
        self.alertmanager = start_alertmanager("0.33", self.folder, config)
        self.addCleanup(self.alertmanager.stop)
        wait_ready(self.alertmanager)

    def run_script(self, signals, **variables):
        urls = {name: signals.url for name in ("TEMPO_URL", "LOKI_URL", "PROMETHEUS_URL")}
        return subprocess.run(
            [self.folder / "scripts" / "smoke-test.sh", signals.url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120, env={"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "DEADLINE": "20",
                                         "AUTOLOG_URL": self.autolog, "ALERTMANAGER_URL": self.alertmanager.url, **urls,
                                         **variables})

    def signals(self, **more):
        signals = Signals(self.alertmanager.url, **more)
        self.addCleanup(signals.stop)
        return signals

    def sessions(self):
        token = self.tokens[0].encode().decode("latin-1")  # as Python wants the bytes of a header
        return get_json(f"{self.autolog}/api/autolog/list", token)["count"]

    def test_it_follows_every_signal_and_leaves_nothing_open(self):
        signals = self.signals()
        done = self.run_script(signals)
        self.assertEqual(done.returncode, 0, done.stdout)
        steps = re.findall(r"(?m)^ok    (.+?) +\d+\.\d{3} s$", done.stdout)
        self.assertEqual(len(steps), 12, done.stdout)
        self.assertIn("check answers enabled", steps)
        self.assertEqual(self.sessions(), 0, "the session is left open")
        for names in signals.resources:
            self.assertRegex(names["service.name"], r"^smoke-[0-9a-f]{8}$")
            self.assertEqual(names["deployment.environment.name"], "smoke")
        for secret in self.tokens:
            self.assertNotIn(secret, done.stdout)
            self.assertNotIn(secret, self.calls.read_text(), "a secret is an argument of curl")

    def test_what_is_lost_is_named_with_what_to_look_at(self):
        for lost, step, hint in (("traces", "trace is in Tempo", "logs tempo"), ("logs", "log line is in Loki", "logs loki"),
                                 ("metrics", "metric is in Prometheus", "logs prometheus")):
            done = self.run_script(self.signals(lost=(lost,)), DEADLINE="1")
            self.assertEqual(done.returncode, 1, done.stdout)
            failed = done.stdout.splitlines()[-1]
            self.assertTrue(failed.startswith(f"FAIL  {step}"), failed)
            self.assertIn(hint, failed)

    def test_an_alertmanager_with_another_secret_is_found(self):
        self.alertmanager.stop()
        other = self.folder / "other"
        other.write_text("not-the-secret-of-this-service-at-all")
        self.start_alertmanager(other)
        done = self.run_script(self.signals(), DEADLINE="3")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("FAIL  session is open", done.stdout)
        self.assertIn("the same webhook secret?", done.stdout)

    def test_a_session_is_ended_when_a_later_step_fails(self):
        app_tokens = self.folder / "app-tokens-of-another-stack"
        (self.secrets / "autolog_app_tokens").rename(app_tokens)
        (self.secrets / "autolog_app_tokens").write_text("a-token-that-the-service-does-not-know")
        done = self.run_script(self.signals(), DEADLINE="3")
        self.assertIn("FAIL  check answers enabled", done.stdout)
        self.assertEqual(self.sessions(), 0, "the session is left open")


if __name__ == "__main__":
    unittest.main()
