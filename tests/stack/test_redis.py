"""A real Redis with the stack's configuration and users; autolog and the exporter as compose starts them."""
import json
import os
import re
import subprocess
import unittest

from stack import ROOT, environment, scratch_folder, services, set_up, tool
from programs import Program, call, free_port, get_json, plain_environment, until


ELSEWHERE = {"+select", "+role", "+cluster|slots", "+asking"}  # for another database, Sentinel and Cluster
HEALTH = {"user": "health", "password": "any"}


class Redis(unittest.TestCase):
    def setUp(self):
        self.folder = scratch_folder("redis", self.addCleanup)
        set_up(self.folder)
        self.port = free_port()
        data = self.folder / "data"
        data.mkdir()
        config = self.folder / "redis.conf"
        shipped = (ROOT / "stack" / "redis" / "redis.conf").read_text()
        shipped = shipped.replace("/run/secrets", str(self.folder / "secrets"))
        config.write_text(shipped.replace("dir /data", f"dir {data}"))
        self.redis = Program("redis", [
            tool("redis", "redis-server"), config, "--port", self.port, "--bind", "127.0.0.1"], self.folder)
        self.addCleanup(self.redis.stop)
        self.redis.start()
        until("Redis is there", lambda: self.redis.must_run() or self.says("PING", **HEALTH) == "PONG", within=10)

    def secret(self, name):
        return (self.folder / "secrets" / name).read_text().strip()

    def says(self, *command, user=None, password=None):
        login = {} if user is None else {"REDISCLI_AUTH": password}
        return subprocess.run(
            [tool("redis", "redis-cli"), "-p", str(self.port), *(("--user", user) if user else ()), *command],
            env={**os.environ, **login}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()

    def variables(self, service):
        """Returns what compose gives a service, with paths and addresses of this test."""
        return {name: value.replace("/run/secrets", str(self.folder / "secrets"))
                .replace("redis:6379", f"127.0.0.1:{self.port}") for name, value in environment(service).items()}

    def start_autolog(self):
        listen, admin = free_port(), free_port()
        variables = {**self.variables("autolog"), "AUTOLOG_LISTEN": f"127.0.0.1:{listen}",
                     "AUTOLOG_ADMIN_LISTEN": f"127.0.0.1:{admin}"}
        binary = os.environ.get("AUTOLOG_BIN") or ROOT / "target" / "debug" / "autolog"
        autolog = Program("autolog", [binary, "serve"], self.folder, plain_environment(**variables))
        self.addCleanup(autolog.stop)
        autolog.start()
        until("autolog is ready",
              lambda: autolog.must_run() or call("GET", f"http://127.0.0.1:{admin}/readyz")[0] == 200, within=15)
        autolog.url = f"http://127.0.0.1:{listen}"
        return autolog

    def test_without_a_password_nothing_but_the_healthcheck_works(self):
        for command in (["PING"], ["GET", "x"], ["AUTH", "default", ""], ["AUTH", "default", "x"]):
            self.assertRegex(self.says(*command), "NOAUTH|WRONGPASS", command)
        for command in (["GET", "x"], ["SET", "x", "1"], ["INFO"], ["CONFIG", "GET", "*"], ["ACL", "LIST"],
                        ["KEYS", "*"], ["SHUTDOWN"], ["FLUSHALL"], ["CLIENT", "LIST"], ["SUBSCRIBE", "x"],
                        ["EVAL", "return 1", "0"]):
            self.assertIn("NOPERM", self.says(*command, **HEALTH), command)
        kind, command = services()["redis"]["healthcheck"]["test"]
        self.assertEqual(kind, "CMD-SHELL")
        check = command.replace("redis-cli", f"{tool('redis', 'redis-cli')} -p {self.port}")
        self.assertEqual(subprocess.run(["sh", "-c", check]).returncode, 0)
        self.redis.stop()
        self.assertNotEqual(subprocess.run(["sh", "-c", check], stderr=subprocess.DEVNULL).returncode, 0)

    def test_autolog_has_the_documented_rights_but_those_for_other_forms_of_redis(self):
        page = (ROOT / "docs" / "operations.md").read_text()
        documented = re.search(r"ACL SETUSER autolog (.*?)```", page, re.DOTALL)[1]
        users = (ROOT / "stack" / "redis" / "users.acl").read_text()
        shipped = re.search("^user autolog (.*)$", users, re.MULTILINE)[1]
        self.assertEqual(set(documented.split()) - {"reset", "on", ">PASSWORD"},
                         set(shipped.split()) - {"on", "#PASSWORD_OF_AUTOLOG"} | ELSEWHERE)

    def test_autolog_works_as_compose_starts_it_and_a_restart_forgets_nothing(self):
        autolog = self.start_autolog()
        operator = self.secret("autolog_operator_tokens").removeprefix("admin:")
        body = {"app": "shop", "environment": "production", "ttl_minutes": 15, "reason": "test"}
        self.assertEqual(call("POST", f"{autolog.url}/api/autolog/enable", body, operator)[0], 200)
        app = self.secret("autolog_app_tokens")
        check = f"{autolog.url}/api/autolog/check?app=shop&environment=production"
        self.assertEqual(call("GET", check)[0], 401)
        self.assertTrue(get_json(check, app)["enabled"])
        events = {"events": [{"app": "billing", "environment": "production", "count": 99}]}
        self.assertEqual(call("POST", f"{autolog.url}/api/autolog/errors", events, app)[0], 202)
        alert = {"version": "4", "status": "firing", "alerts": [{
            "status": "firing", "labels": {"alertname": "X", "app": "mail"}, "startsAt": "2026-11-22T03:12:45Z",
            "fingerprint": "e28c31f90f06f4a6"}]}
        said = call("POST", f"{autolog.url}/webhook/autolog", alert, self.secret("autolog_webhook_secret"))
        self.assertEqual(said[0], 200, said[1])
        autolog.stop()
        self.redis.kill()
        self.redis.start()
        autolog = self.start_autolog()
        sessions = get_json(f"{autolog.url}/api/autolog/list", operator)["sessions"]
        self.assertEqual({(session["app"], session["environment"]) for session in sessions},
                         {(app, "production") for app in ("shop", "billing", "mail")})
        self.assertEqual(call("POST", f"{autolog.url}/api/autolog/disable", {"all": True}, operator)[0], 200)
        exporter = json.loads(self.secret("redis_exporter_password")).popitem()[1]
        self.assertNotRegex(self.says("INFO", "commandstats", user="exporter", password=exporter), "rejected_calls=[1-9]")
        log = "\n".join(autolog.lines())
        self.assertNotIn("NOPERM", log)
        self.assertNotIn("this Redis", log)  # no complaint about eviction or persistence
        for secret in ("autolog_webhook_secret", "autolog_app_tokens", "redis_password"):
            self.assertNotIn(self.secret(secret), log)

    def test_autolog_cannot_touch_what_is_not_its_own(self):
        user = {"user": "autolog", "password": self.secret("redis_password")}
        for command in (["SET", "other", "1"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["ACL", "LIST"]):
            self.assertIn("NOPERM", self.says(*command, **user), command)

    def test_the_exporter_has_all_it_asks_for_and_reads_no_key(self):
        file = self.folder / "secrets" / "redis_exporter_password"
        [(address, password)] = json.loads(file.read_text()).items()
        file.unlink()
        file.write_text(json.dumps({address.replace("redis:6379", f"127.0.0.1:{self.port}"): password}))
        port = free_port()
        exporter = Program("exporter", [
            tool("redis-exporter", "prometheus-redis-exporter"), f"--web.listen-address=127.0.0.1:{port}"], self.folder,
            {"PATH": os.environ["PATH"], **self.variables("redis-exporter")})
        self.addCleanup(exporter.stop)
        exporter.start()
        metrics = until("the exporter answers",
                        lambda: exporter.must_run() or call("GET", f"http://127.0.0.1:{port}/metrics")[1], within=10)
        self.assertRegex(metrics, r"(?m)^redis_up 1$")
        self.assertRegex(metrics, r"(?m)^redis_memory_max_bytes 6\.7108864e\+07$")
        self.assertRegex(metrics, r"(?m)^redis_aof_enabled 1$")
        self.assertRegex(metrics, r'(?m)^redis_exporter_last_scrape_error\{err=""\} 0$')
        self.assertFalse([line for line in exporter.lines() if "NOPERM" in line or "level=error" in line])
        refused = self.says("INFO", "commandstats", user="exporter", password=password)
        self.assertNotRegex(refused, r"rejected_calls=[1-9]")
        self.assertIn("NOPERM", self.says("GET", "{al}:meta", user="exporter", password=password))

    def test_settings_keep_sessions(self):
        user = {"user": "exporter", "password": json.loads(self.secret("redis_exporter_password")).popitem()[1]}
        info = self.says("INFO", **user)
        for line in ("maxmemory_policy:noeviction", "aof_enabled:1", "maxmemory_human:64.00M"):
            self.assertIn(line, info)
        self.assertLess(64 << 20, int(services()["redis"]["mem_limit"]) // 2)


if __name__ == "__main__":
    unittest.main()
