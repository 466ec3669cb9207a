"""scripts/backup.sh and scripts/restore.sh with a real Prometheus and a real Redis, which are programs here.

What the engine would do in containers is done in folders (engine_without_containers.py), with the tools of busybox as in
the image that the scripts use. The other volumes hold files of the test's own, with owners of their own.
"""
import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest
import urllib.parse

from stack import ROOT, scratch_folder, set_up, tool
from programs import Program, call, free_port, get_json, plain_environment, until

ENGINE = pathlib.Path(__file__).with_name("engine_without_containers.py")
SCRIPTS = ("scripts/backup.sh", "scripts/restore.sh", "scripts/stack/volumes.sh", "docker-compose.yml")
FILES = ("grafana-data", "alertmanager-data", "caddy-data", "loki-data", "tempo-data")
OWNER = (472, 10001) if os.getuid() == 0 else (os.getuid(), os.getgid())


class Machine:
    """A copy of the tree on a machine of its own: its volumes, its services, its secrets."""

    def __init__(self, folder):
        self.folder, self.engine = folder, folder / "engine"
        for path in SCRIPTS:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
        shutil.copytree(ROOT / "scripts" / "stack", folder / "scripts" / "stack", dirs_exist_ok=True)
        for name in ("volumes", "pids"):
            (self.engine / name).mkdir(parents=True)
        self.redis_port, self.prometheus_port = free_port(), free_port()
        self.env = {"PATH": os.environ["PATH"], "ENGINE": str(ENGINE), "ENGINE_FOLDER": str(self.engine)}
        (self.engine / "services.json").write_text(json.dumps({"redis": self.redis(), "prometheus": self.prometheus()}))

    def redis(self):
        config = self.folder / "redis.conf"
        shipped = (ROOT / "stack" / "redis" / "redis.conf").read_text()
        shipped = shipped.replace("/run/secrets", str(self.folder / "secrets"))
        config.write_text(shipped.replace("dir /data", f"dir {self.volume('redis-data')}"))
        return {"command": [str(tool("redis", "redis-server")), str(config), "--port", str(self.redis_port),
                            "--bind", "127.0.0.1"]}

    def prometheus(self):
        address, config = f"127.0.0.1:{self.prometheus_port}", self.folder / "prometheus.yml"
        config.write_text("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: prometheus\n"
                          f"    static_configs: [{{targets: ['{address}']}}]\n")
        data = str(self.volume("prometheus-data"))
        return {"command": [str(tool("stack", "prometheus")), f"--config.file={config}", f"--storage.tsdb.path={data}",
                            "--web.enable-admin-api", f"--web.listen-address={address}"],
                "inside": {"wget": str(self.wget()), "127.0.0.1:9090": address, "/prometheus": data}}

    def wget(self):
        """The tools of both images are busybox's."""
        folder = self.engine / "bin"
        folder.mkdir()
        for name in ("wget", "sh", "tar", "gzip", "find", "rm"):
            (folder / name).symlink_to(tool("busybox", "busybox"))
        return folder / "wget"

    def volume(self, name):
        return self.engine / "volumes" / f"autolog_{name}"

    def run(self, script, *words, **more):
        return subprocess.run([self.folder / "scripts" / script, *words], env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, **more)

    def does(self, script, *words):
        done = self.run(script, *words)
        if done.returncode:
            raise AssertionError(f"{script} ends with {done.returncode}: {done.stdout}")
        return done.stdout

    def compose(self, *words):
        subprocess.run([ENGINE, "compose", *words], env=self.env, check=True, timeout=60)

    def start(self):
        """docker compose up: what is not there yet is made, empty."""
        for name in ("redis-data", "prometheus-data", *FILES):
            self.volume(name).mkdir(exist_ok=True)
        self.compose("start", "redis", "prometheus")
        self.wait()

    def wait(self):
        until("Redis is there", lambda: self.says("PING") == "PONG", within=15)
        url = f"http://127.0.0.1:{self.prometheus_port}/-/ready"
        until("Prometheus is there", lambda: call("GET", url)[0] == 200, within=30)

    def stop(self):
        for path in (self.engine / "pids").iterdir():
            self.compose("stop", path.name)

    def says(self, *words):
        password = (self.folder / "secrets" / "redis_password").read_text().strip()
        return subprocess.run(
            [tool("redis", "redis-cli"), "-p", str(self.redis_port), "--user", "autolog", *words], text=True,
            env={**os.environ, "REDISCLI_AUTH": password}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.strip()

    def was_up_at(self, instant):
        query = urllib.parse.urlencode({"query": 'up{job="prometheus"}', "time": instant})
        return get_json(f"http://127.0.0.1:{self.prometheus_port}/api/v1/query?{query}")["data"]["result"]


class Backup(unittest.TestCase):
    def setUp(self):
        self.scratch = scratch_folder("backup", self.addCleanup)
        self.backups = self.scratch / "backups"

    def machine(self, name):
        machine = Machine(self.scratch / name)
        self.addCleanup(machine.stop)
        return machine

    def filled(self):
        """A machine whose every volume has something in it."""
        machine = self.machine("old")
        set_up(machine.folder)
        machine.start()
        self.assertEqual(machine.says("SET", "{al}:session", "verbose"), "OK")
        for name in FILES:
            file = machine.volume(name) / "folder" / "file"
            file.parent.mkdir()
            file.write_text(name)
            os.chown(file, *OWNER)
            file.chmod(0o640)
        return machine

    def backup(self, machine, *tiers):
        machine.does("backup.sh", "--to", self.backups, *tiers)
        made = list(self.backups.glob("autolog-*"))
        self.assertEqual(len(made), 1)
        self.assertEqual(len(list(self.backups.iterdir())), 1, "something is left beside the backup")
        return made[0]

    def test_a_new_machine_has_everything_that_was_backed_up(self):
        old = self.filled()
        until("Prometheus has a sample", lambda: old.was_up_at(time.time()), within=20)
        instant = time.time()
        folder = self.backup(old)
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        for file in folder.iterdir():
            self.assertEqual(file.stat().st_mode & 0o077, 0, file)
        self.assertEqual(list((old.volume("prometheus-data") / "snapshots").iterdir()), [], "the snapshot is left")
        old.wait()  # what was stopped runs again
        self.assertEqual(old.says("GET", "{al}:session"), "verbose")
        old.stop()

        new = self.machine("new")
        new.does("restore.sh", folder)
        for path in (old.folder / "secrets").iterdir():
            copy = new.folder / "secrets" / path.name
            self.assertEqual((copy.read_bytes(), copy.stat().st_mode), (path.read_bytes(), path.stat().st_mode))
        self.assertEqual((new.folder / ".env").read_text(), (old.folder / ".env").read_text())
        new.start()
        self.assertEqual(new.says("GET", "{al}:session"), "verbose")
        self.assertTrue(new.was_up_at(instant), "the metrics are gone")
        for name in FILES:
            file = new.volume(name) / "folder" / "file"
            status = file.stat()
            self.assertEqual((file.read_text(), status.st_uid, status.st_gid, status.st_mode & 0o777),
                             (name, *OWNER, 0o640))

    def test_nothing_is_replaced_without_force(self):
        machine = self.filled()
        folder = self.backup(machine, "state")
        machine.says("SET", "{al}:session", "newer")
        refused = machine.run("restore.sh", folder)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("the volume redis-data is not empty; --force replaces it", refused.stdout)
        self.assertEqual(machine.says("GET", "{al}:session"), "newer")

        said = machine.does("restore.sh", "--force", folder)
        self.assertIn("started again: redis", said)
        machine.wait()
        self.assertEqual(machine.says("GET", "{al}:session"), "verbose")

    def test_a_damaged_backup_is_not_restored(self):
        machine = self.filled()
        folder = self.backup(machine, "state")
        with (folder / "redis-data.tar.gz").open("r+b") as file:
            file.seek(20)
            file.write(b"damage")
        machine.says("SET", "{al}:session", "newer")
        refused = machine.run("restore.sh", "--force", folder)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is damaged; nothing was restored", refused.stdout)
        self.assertEqual(machine.says("GET", "{al}:session"), "newer")

    def test_a_tier_is_restored_alone(self):
        machine = self.filled()
        folder = self.backup(machine, "config", "state")
        secret = machine.folder / "secrets" / "autolog_webhook_secret"
        secret.unlink()
        secret.write_text("changed")
        machine.does("restore.sh", "--force", folder, "state")
        self.assertEqual(secret.read_text(), "changed")
        self.assertEqual(machine.run("restore.sh", "--force", folder, "telemetry").returncode, 1)
        self.assertEqual(machine.run("restore.sh", folder, "config").returncode, 1)
        machine.does("restore.sh", "--force", folder, "config")
        self.assertNotEqual(secret.read_text(), "changed")

    def test_an_engine_that_is_away_is_an_error(self):
        machine = self.filled()
        machine.env["ENGINE"] = "false"
        self.assertEqual(machine.run("backup.sh", "--to", self.backups, "state").returncode, 1)
        self.assertEqual(list(self.backups.iterdir()), [], "half a backup is left")

    def test_the_embedded_store_survives_a_copy(self):
        def serve(data):
            listen, admin = free_port(), free_port()
            binary = os.environ.get("AUTOLOG_BIN") or ROOT / "target" / "debug" / "autolog"
            service = Program("autolog", [binary, "serve"], self.scratch, plain_environment(
                AUTOLOG_LISTEN=f"127.0.0.1:{listen}", AUTOLOG_ADMIN_LISTEN=f"127.0.0.1:{admin}", AUTOLOG_DATA_DIR=data))
            self.addCleanup(service.stop)
            service.start()
            until("autolog is ready", lambda: call("GET", f"http://127.0.0.1:{admin}/readyz")[0] == 200, within=20)
            return service, f"http://127.0.0.1:{listen}/api/autolog"

        data, copy = self.scratch / "data", self.scratch / "copy"
        service, url = serve(data)
        status, text = call("POST", f"{url}/enable", {"app": "shop", "environment": "production"},
                            (data / "operator-token").read_text().strip())
        self.assertEqual(status, 200, text)
        service.stop()
        shutil.copytree(data, copy)
        shutil.rmtree(data)
        _, url = serve(copy)
        self.assertTrue(get_json(f"{url}/check?app=shop&environment=production")["enabled"])


if __name__ == "__main__":
    unittest.main()
