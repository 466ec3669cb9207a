"""A real Caddy with the stack's Caddyfile in front of a real autolog and of something that answers like Grafana."""
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import unittest

from authority import start_authority
from stack import ROOT, scratch_folder, services, tool
from double import Double
from programs import Failure, Program, free_port, until
from world import Autolog

CADDYFILE = ROOT / "stack" / "caddy" / "Caddyfile"
HEADERS = {"X-Content-Type-Options", "X-Frame-Options", "X-XSS-Protection", "Content-Security-Policy",
           "Referrer-Policy", "Permissions-Policy"}
PRIVATE = ("/metrics", "/livez", "/readyz", "/healthz", "/api/health", "/webhook/autolog", "/webhook")

ANY_CERTIFICATE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANY_CERTIFICATE.check_hostname, ANY_CERTIFICATE.verify_mode = False, ssl.CERT_NONE


class Grafana(Double):
    def __init__(self):
        self.paths = []
        super().__init__()

    def answer(self, path, headers, body):
        self.paths.append(path)
        own = {"X-Frame-Options": "deny", "Via": "1.1 somewhere", "Set-Cookie": "grafana_session=secret-cookie"}
        return 200, own, b"grafana"


def spellings(path):
    """Returns other ways to write a path that a careless proxy would not recognise."""
    first, rest = path[1], path[2:]
    yield from (path, path + "/", path + "/x", path + "?x=1", path + "%2f", path.upper(), "/" + path, "///" + path)
    yield from ("/." + path, "/%2e" + path, "/x/.." + path, "/x/%2e%2e" + path, f"/x/..%2f{path[1:]}")
    yield from (f"/%2F{path[1:]}", f"/%{ord(first):02x}{rest}", f"/%{ord(first):02X}{rest}")
    yield from ("/api/autolog/../.." + path, "/api/autolog/%2e%2e/..%2f.." + path)


class Front(unittest.TestCase):
    domain = "localhost"
    variables = {"DOMAIN": "localhost", "ACME_EMAIL": ""}

    @classmethod
    def options(cls):
        return ""

    @classmethod
    def setUpClass(cls):
        cls.folder = scratch_folder("caddy", cls.addClassCleanup)
        cls.grafana = Grafana()
        cls.addClassCleanup(cls.grafana.stop)
        cls.autolog = Autolog(cls.folder, "memory:", ttl=60)
        cls.autolog.env["AUTOLOG_OPEN_CHECK"] = services()["autolog"]["environment"]["AUTOLOG_OPEN_CHECK"]
        cls.addClassCleanup(cls.autolog.stop)
        cls.autolog.start().ready()
        cls.https, cls.http = free_port(), free_port()
        config = cls.folder / "Caddyfile"
        config.write_text(cls.shipped())
        caddy = Program("caddy", [tool("caddy", "caddy"), "run", "--config", config], cls.folder, {
            "PATH": os.environ["PATH"], "HOME": str(cls.folder), "XDG_DATA_HOME": str(cls.folder / "state"),
            **cls.variables})
        cls.addClassCleanup(caddy.stop)
        caddy.start()
        until("Caddy has its certificate", lambda: caddy.must_run() or cls.ask("GET", "/")[0] == 200, within=60)

    @classmethod
    def shipped(cls):
        """Returns the Caddyfile with the addresses and paths of this test, and nothing else changed."""
        text = CADDYFILE.read_text()
        for shipped, here in (("autolog:5000", f"127.0.0.1:{cls.autolog.port}"),
                              ("grafana:3000", f"127.0.0.1:{cls.grafana.server_port}"),
                              ("/var/log/caddy", str(cls.folder / "logs")),
                              ("\n{\n", f"\n{{\nadmin 127.0.0.1:{free_port()}\nhttp_port {cls.http}\n"
                                        f"https_port {cls.https}\n{cls.options()}")):
            if text.count(shipped) != 1:
                raise Failure(f"{shipped} is not once in the Caddyfile")
            text = text.replace(shipped, here)
        return text

    def setUp(self):
        self.grafana.paths.clear()

    @classmethod
    def ask(cls, method, path, body=None, **headers):
        """Sends a path as it is, without any cleaning of it, and returns status, headers and body."""
        connection = http.client.HTTPSConnection("127.0.0.1", cls.https, timeout=5, context=ANY_CERTIFICATE)
        plain = socket.create_connection(("127.0.0.1", cls.https), 5)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock = ANY_CERTIFICATE.wrap_socket(plain, server_hostname=cls.domain)
        try:
            connection.request(method, path, body and json.dumps(body), {
                "Host": cls.domain, **({"Content-Type": "application/json"} if body else {}),
                **{name.replace("_", "-"): value for name, value in headers.items()}})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read().decode()
        finally:
            connection.close()

    def secure(self, headers):
        for name in HEADERS:
            self.assertEqual(len(headers.get_all(name, [])), 1, name)
        self.assertEqual(headers["X-Frame-Options"], "DENY")
        for name in ("Server", "Via", "X-Powered-By", "Strict-Transport-Security"):
            self.assertNotIn(name, headers)


class Local(Front):
    """Without DOMAIN: https://localhost."""

    def test_the_root_is_grafana(self):
        for path in ("/", "/d/autolog/sessions?var-app=shop", "/api/dashboards/home", "/public/x.js"):
            self.assertEqual(self.ask("GET", path)[::2], (200, "grafana"))
        self.assertEqual(len(self.grafana.paths), 4)

    def test_metrics_probes_and_webhooks_are_not_there_however_they_are_written(self):
        secret = self.autolog.secret_file.read_text().strip()
        for path in PRIVATE:
            for written in spellings(path):
                for method in ("GET", "POST"):
                    status, _, text = self.ask(
                        method, written, {"alerts": []} if method == "POST" else None, X_Webhook_Secret=secret)
                    self.assertEqual((status, text), (404, ""), f"{method} {written}")
        self.assertEqual(self.grafana.paths, [])
        self.assertIn('type="autolog"} 0', self.metric("autolog_webhook_requests_total"))
        self.assertNotRegex(self.metric("autolog_webhook_requests_total"), r"(?m) [1-9]")

    def metric(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.autolog.admin_port, timeout=5)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return "\n".join(line for line in text.splitlines() if line.startswith(name))

    def test_nothing_of_the_api_answers_without_a_token(self):
        paths = json.loads((ROOT / "src" / "http" / "openapi.json").read_text())["paths"]
        asked = 0
        for path, methods in paths.items():
            if not path.startswith("/api/autolog/"):
                continue
            for method in methods.keys() & {"get", "post"}:
                query = "?app=shop&environment=production" if method == "get" else ""
                body = {} if method == "post" else None
                self.assertEqual(self.ask(method.upper(), path + query, body)[0], 401, f"{method} {path}")
                self.assertEqual(self.ask(method.upper(), path + query, body, Authorization="Bearer wrong")[0], 401)
                asked += 1
        self.assertGreaterEqual(asked, 7)

    def test_the_api_works_with_a_token(self):
        operator, app = f"Bearer {self.autolog.operator_token}", f"Bearer {self.autolog.app_token}"
        body = {"app": "shop", "environment": "production", "ttl_seconds": 60}
        self.assertEqual(self.ask("POST", "/api/autolog/enable", body, Authorization=operator)[0], 200)
        status, headers, text = self.ask(
            "GET", "/api/autolog/check?app=shop&environment=production", Authorization=app)
        self.assertEqual((status, json.loads(text)["enabled"]), (200, True))
        self.assertIn("ETag", headers)
        again = self.ask("GET", "/api/autolog/check?app=shop&environment=production", Authorization=app,
                         If_None_Match=headers["ETag"])
        self.assertEqual(again[0], 304)
        self.assertEqual(self.grafana.paths, [])

    def test_every_answer_has_the_security_headers_once(self):
        for path in ("/", "/metrics", "/api/autolog/check", "/login"):
            self.secure(self.ask("GET", path)[1])
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
        connection.request("GET", "/d/x?y=1", headers={"Host": "elsewhere.example"})
        reply = connection.getresponse()
        reply.read()
        connection.close()
        self.assertEqual((reply.status, reply.headers["Location"]), (301, f"https://{self.domain}/d/x?y=1"))
        self.secure(reply.headers)

    def test_the_access_log_is_readable_and_holds_no_secret(self):
        secrets = ["a-token-that-must-not-be-logged", "a-key-that-must-not-be-logged", "a-cookie-not-to-be-logged"]
        self.ask("GET", "/api/autolog/list?limit=7", Authorization=f"Bearer {secrets[0]}", X_API_Key=secrets[1],
                 Cookie=f"grafana_session={secrets[2]}", X_Webhook_Secret=secrets[0], Proxy_Authorization=secrets[0])
        self.ask("GET", "/login")
        log = self.folder / "logs" / "access.log"
        until("the request is logged", lambda: "/login" in log.read_text(), within=10)
        self.assertEqual(log.stat().st_mode & 0o777, 0o644)
        for secret in (*secrets, "secret-cookie"):
            self.assertNotIn(secret, log.read_text())
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        [line] = [line for line in lines if "limit=7" in line["request"]["uri"]]
        request = line["request"]
        self.assertEqual((line["status"], request["method"], request["host"]), (401, "GET", "localhost"))


class Public(Front):
    """With DOMAIN, and an authority of this test's own in the place of Let's Encrypt."""

    domain = "stack.example"
    variables = {"DOMAIN": "stack.example", "ACME_EMAIL": "ops@stack.example"}

    @classmethod
    def options(cls):
        authority = start_authority(cls.folder, cls.http)
        cls.addClassCleanup(authority.names.server_close)
        cls.addClassCleanup(authority.names.shutdown)
        cls.addClassCleanup(authority.stop)
        authority.start()
        return f"acme_ca {authority.url}\nacme_ca_root {authority.cert}\n"

    def test_the_certificate_comes_from_the_authority(self):
        issuer = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.https}", "-servername", self.domain],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        self.assertRegex(issuer, "(?m)^issuer=.*Pebble")

    def test_a_name_of_its_own_brings_strict_transport_security(self):
        for path in ("/", "/api/autolog/check", "/metrics"):
            self.assertRegex(self.ask("GET", path)[1]["Strict-Transport-Security"], r"^max-age=\d{8}$")
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=5)
        connection.request("GET", "/x", headers={"Host": "stack.example"})
        self.assertEqual(connection.getresponse().headers["Location"], "https://stack.example/x")
        connection.close()


class Alone(Front):
    """With Grafana gone."""

    def test_the_failure_has_the_security_headers_too(self):
        self.grafana.stop()
        status, headers, text = self.ask("GET", "/")
        self.assertEqual((status, text), (502, "502 Bad Gateway"))
        self.secure(headers)


class Caddyfile(unittest.TestCase):
    def test_caddy_takes_the_file_with_and_without_a_domain(self):
        for variables in ({}, {"DOMAIN": "localhost", "ACME_EMAIL": ""}, {"DOMAIN": "stack.example"},
                          {"DOMAIN": "stack.example", "ACME_EMAIL": "ops@stack.example"}):
            with tempfile.TemporaryDirectory() as folder:
                config = pathlib.Path(folder) / "Caddyfile"
                config.write_text(CADDYFILE.read_text().replace("/var/log/caddy", folder))  # validating opens the log
                done = subprocess.run(
                    [tool("caddy", "caddy"), "validate", "--config", config], stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True, env={"PATH": os.environ["PATH"], "HOME": folder, **variables})
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_file_is_formatted_as_caddy_does(self):
        formatted = subprocess.run([tool("caddy", "caddy"), "fmt", CADDYFILE], stdout=subprocess.PIPE, text=True)
        self.assertEqual(formatted.stdout, CADDYFILE.read_text())

    def test_certificates_come_from_an_authority_for_a_name_and_from_caddy_for_localhost(self):
        text = CADDYFILE.read_text()
        self.assertEqual(set(re.findall(r"\{\$DOMAIN:(\w+)\}", text)), {"localhost"})
        self.assertNotIn("tls internal", text)


del Front  # a base, no test

if __name__ == "__main__":
    unittest.main()
