"""Alertmanager's configuration as it is rendered at the start of its container, and what it then sends to whom."""
import datetime
import json
import os
import re
import subprocess
import unittest
import urllib.parse

from smtp import MailServer
from stack import ROOT, scratch_folder, services, tool
from double import Double
from programs import Program, call, free_port, until
from world import Autolog

FOLDER = ROOT / "alertmanager"
AWKWARD = r"""p|a&s\s '"$word" `#{{ .X }} %41 *!~<>^é"""
MAIL = {"SMTP_SMARTHOST": "mail.example:587", "SMTP_FROM": "stack@mail.example", "SMTP_TO": "ops@mail.example"}
TARGETS = ("critical", "application", "infrastructure", "watchdog")


def render(secrets, **variables):
    """Renders with the awk that the image has, from these variables alone."""
    return subprocess.run(
        [tool("busybox", "busybox"), "awk", "-v", f"secrets={secrets}", "-f", FOLDER / "render.awk",
         FOLDER / "alertmanager.yml"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Scratch(unittest.TestCase):
    def setUp(self):
        self.folder = scratch_folder("alertmanager", self.addCleanup)
        self.password = self.folder / "smtp_password"
        self.password.write_text("")

    def run_program(self, program):
        self.addCleanup(program.stop)
        return program.start()


class Rendered(Scratch):
    def rendered(self, **variables):
        done = render(self.folder, **variables)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        path = self.folder / "alertmanager.yml"
        path.write_text(done.stdout)
        check = [tool("stack", "amtool"), "check-config", path]
        checked = subprocess.run(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        return done.stdout

    def refused(self, *problems, **variables):
        done = render(self.folder, **variables)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(len(done.stderr.splitlines()), len(problems), done.stderr)
        for problem, line in zip(problems, done.stderr.splitlines()):
            self.assertIn(problem, line)
        for value in variables.values():
            self.assertTrue(len(value) < 10 or value not in done.stderr, "the value is told")

    def test_nothing_set_leaves_the_file_as_it_is(self):
        shipped = (FOLDER / "alertmanager.yml").read_text().replace("/run/secrets", str(self.folder))
        self.assertEqual(self.rendered(), shipped)
        unset = {name: "" for name in (*MAIL, "SMTP_USERNAME", "CRITICAL_WEBHOOK_URL", "WATCHDOG_WEBHOOK_URL")}
        self.assertEqual(self.rendered(SMTP_REQUIRE_TLS="true", **unset), shipped)

    def test_unset_targets_are_those_of_autolog(self):
        for target in TARGETS:
            self.assertIn(f"- url: http://autolog:5000/webhook/{target}\n", self.rendered())

    def test_every_combination_of_settings_is_a_valid_configuration(self):
        self.password.write_text("secret\n")
        for url in ("http://10.0.0.1", "https://user:pa%20ss@hook.example?x", "http://[::1]:9000/a'b$c!(d)*+,[e]~"):
            self.assertIn("- url: '" + url.replace("'", "''") + "'\n", self.rendered(WATCHDOG_WEBHOOK_URL=url))
        url = "https://hook.example:8443/a-b/c?d=e%20f&g=h;i#j"
        targets = {f"{target.upper()}_WEBHOOK_URL": url for target in TARGETS}
        for number in range(16):
            some = {name: url for place, name in enumerate(targets) if number >> place & 1}
            self.assertEqual(self.rendered(**some).count(f"'{url}'"), len(some))
            self.rendered(**some, **MAIL, SMTP_USERNAME=AWKWARD, SMTP_REQUIRE_TLS="false")
        self.password.write_text("")
        self.rendered(**targets, **MAIL)
        self.rendered(**{**MAIL, "SMTP_FROM": f"\"{AWKWARD}\" <a@b.example>", "SMTP_SMARTHOST": "[::1]:25"})

    def test_an_address_keeps_what_it_means_whatever_is_in_it(self):
        for odd in (r"p|a&s\s", """'q' "w" `b`""", "$x #y {{ .Z }}", "<a>^é~日", "[x]!(y)*,;=+"):
            text = self.rendered(CRITICAL_WEBHOOK_URL=rf"https://u|s:p\w@hook.example/{odd}?a={odd}")
            url = re.search("url: '(https://.*hook.*)'", text)[1].replace("''", "'")
            self.assertRegex(url, r"\A[!#$&-;=?-Z\[\]_a-z~%]+\Z")
            self.assertEqual(urllib.parse.unquote(url.partition("hook.example/")[2]), f"{odd}?a={odd}")

    def test_wrong_settings_are_named_and_never_told(self):
        for target in TARGETS:
            name = f"{target.upper()}_WEBHOOK_URL"
            for url in ("ftp://hook.example/x", "hook.example", "https://", "https:///x", "https://hook|example/a",
                        "https://hök.example/", " https://hook.example", "javascript:alert(1)//http://x.example",
                        "https://hook.example:no/x", "https://hook.example/%zz", "https://hook.example/a%4",
                        "https://a@b@hook.example/"):
                self.refused(name, **{name: url})
            self.refused(f"{name} has a line break", **{name: "http://hook.example/\nx: y"})
        for line_break in "\n\r\u0085":
            self.refused("SMTP_USERNAME has a line break", "SMTP_USERNAME is set, but", **MAIL, SMTP_USERNAME=f"a{line_break}b")
        self.refused("missing: SMTP_SMARTHOST SMTP_FROM", SMTP_TO="ops@mail.example")
        self.refused("missing: SMTP_TO", **{**MAIL, "SMTP_TO": ""})
        self.refused("missing: SMTP_SMARTHOST SMTP_FROM SMTP_TO", "smtp_password", SMTP_USERNAME="someone")
        self.refused("SMTP_USERNAME is set, but", **MAIL, SMTP_USERNAME="someone")
        self.refused("SMTP_SMARTHOST", **{**MAIL, "SMTP_SMARTHOST": "mail.example"})
        self.refused("SMTP_SMARTHOST", **{**MAIL, "SMTP_SMARTHOST": "0"})
        self.refused("SMTP_USERNAME is set, but", **MAIL, SMTP_USERNAME="0")
        self.refused("SMTP_FROM is no", "SMTP_TO is no", **{**MAIL, "SMTP_FROM": "stack.", "SMTP_TO": "oops"})
        self.refused("SMTP_REQUIRE_TLS", **MAIL, SMTP_REQUIRE_TLS="perhaps")
        self.refused("SMTP_FROM has a line break", **{**MAIL, "SMTP_FROM": "a@b.example\nsmtp_hello: x"})
        self.password.write_text("secret\n")
        self.refused("SMTP_USERNAME is missing", **MAIL)

    def test_a_foreign_target_gets_no_secret(self):
        for target in TARGETS:
            text = self.rendered(**{f"{target.upper()}_WEBHOOK_URL": "https://hook.example"})
            receiver = text.partition(f"- name: {target}\n")[2].partition("- name:")[0]
            self.assertIn("http_config: {follow_redirects: false}", receiver)
            self.assertNotIn("*autolog", receiver)

    def test_the_container_starts_with_what_is_rendered(self):
        shell, port = tool("busybox", "busybox"), free_port()
        (self.folder / "awk").symlink_to(shell)
        (self.folder / "dirname").symlink_to(shell)
        path = f"{self.folder}:{tool('stack', '')}:{os.environ['PATH']}"
        flags = [flag.replace("path=/alertmanager", f"path={self.folder / 'data'}")
                 for flag in services()["alertmanager"]["command"]]
        started = self.run_program(Program("start", [
            shell, "sh", FOLDER / "start.sh", *flags, f"--web.listen-address=127.0.0.1:{port}"], self.folder,
            {"PATH": path, "TMPDIR": str(self.folder), "WATCHDOG_WEBHOOK_URL": "https://watch.example/1"}))
        status = until("Alertmanager is there", lambda: started.must_run() or call(
            "GET", f"http://127.0.0.1:{port}/api/v2/status"), within=15)
        self.assertIn("X-Webhook-Secret", json.loads(status[1])["config"]["original"])
        config = self.folder / "alertmanager.yml"
        self.assertIn("https://watch.example/1", config.read_text())
        self.assertEqual(config.stat().st_mode & 0o777, 0o600)

    def test_the_container_does_not_start_with_wrong_settings(self):
        done = subprocess.run(
            [tool("busybox", "busybox"), "sh", FOLDER / "start.sh"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(self.folder), "SMTP_TO": "ops@mail.example"}, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("SMTP_SMARTHOST SMTP_FROM", done.stderr)


class Hook(Double):
    """A webhook target that is not autolog."""

    def __init__(self):
        self.requests = []
        super().__init__()

    def answer(self, path, headers, body):
        self.requests.append((path, headers, json.loads(body)))
        return 200, {}, b""


class Sent(Scratch):
    """A real Alertmanager with the rendered configuration, a real autolog, a mail server and another target."""

    def setUp(self):
        super().setUp()
        self.mail, self.hook = MailServer(self.folder), Hook()
        self.addCleanup(self.mail.server_close)
        self.addCleanup(self.mail.shutdown)
        self.addCleanup(self.hook.stop)
        self.password.write_text(AWKWARD + "\n")
        self.autolog = Autolog(self.folder, "memory:", ttl=60)
        self.autolog.secret_file = self.folder / "autolog_webhook_secret"
        self.autolog.secret_file.write_text(AWKWARD + "\n")
        self.autolog.env["AUTOLOG_WEBHOOK_SECRET_FILE"] = str(self.autolog.secret_file)
        self.run_program(self.autolog)
        self.autolog.ready()
        done = render(
            self.folder, SMTP_SMARTHOST=f"127.0.0.1:{self.mail.server_address[1]}",
            SMTP_FROM="\"Stack {{ 'x' }}\" <stack@mail.example>", SMTP_TO="ops@mail.example, dev@mail.example",
            SMTP_USERNAME=AWKWARD,
            CRITICAL_WEBHOOK_URL=f"{self.hook.url}/c|d?token=a%7C%26b&c='d'$e\\\"é ")
        self.assertEqual(done.returncode, 0, done.stderr)
        port, config = free_port(), self.folder / "alertmanager.yml"
        config.write_text(
            done.stdout.replace("http://autolog:5000", self.autolog.url).replace("group_wait: 30s", "group_wait: 1s"))
        self.alertmanager = self.run_program(Program("alertmanager", [
            tool("stack", "alertmanager"), f"--config.file={config}", f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="], self.folder,
            {**os.environ, "SSL_CERT_FILE": str(self.mail.cert)}))
        self.url = f"http://127.0.0.1:{port}"
        until("Alertmanager is there",
              lambda: self.alertmanager.must_run() or call("GET", f"{self.url}/-/ready")[0] == 200, within=15)

    def test_every_receiver_is_reached_with_its_secret_and_no_other(self):
        ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
        labels = {"alertname": "FatalErrorDetected", "severity": "critical", "category": "application",
                  "autolog": "true", "app": "shop", "environment": "production", "cluster": "main"}
        watchdog = {"alertname": "Watchdog", "severity": "none", "category": "infrastructure"}
        posted = call("POST", f"{self.url}/api/v2/alerts", [
            {"labels": labels, "endsAt": ends.isoformat()}, {"labels": watchdog, "endsAt": ends.isoformat()}])
        self.assertEqual(posted[0], 200, posted[1])
        until("the shop has a session", self.autolog.session, within=15)
        counted = 'autolog_webhook_requests_total{outcome="accepted",type="%s"} 1'

        def arrived(kind):
            return counted % kind in call("GET", f"{self.autolog.admin}/metrics")[1]

        until("the watchdog arrived", lambda: arrived("watchdog"), within=15)
        until("the mail arrived", lambda: len(self.mail.recipients) == 2, within=45)
        until("the other target was told", lambda: self.hook.requests, within=45)
        until("the application's alert arrived", lambda: arrived("application"), within=45)
        self.assertEqual(self.mail.logins, [[AWKWARD, AWKWARD]])
        self.assertEqual(self.mail.senders, ["stack@mail.example"])
        self.assertEqual(self.mail.recipients, ["ops@mail.example", "dev@mail.example"])
        self.assertIn("FatalErrorDetected", self.mail.mails[0])
        path, headers, body = self.hook.requests[0]
        self.assertEqual(path, "/c%7Cd?token=a%7C%26b&c='d'$e%5C%22%C3%A9%20")
        self.assertEqual(body["alerts"][0]["labels"]["app"], "shop")
        self.assertFalse({"x-webhook-secret", "authorization"} & {name.lower() for name in headers})
        self.assertFalse(arrived("critical"))


if __name__ == "__main__":
    unittest.main()
