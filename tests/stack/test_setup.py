"""scripts/setup.sh: what it writes, whom it lets read it, and what it leaves alone."""
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

from stack import IMAGES, ROOT, environment, scratch_folder, services, set_up, try_to_set_up

SECRETS = {"autolog_webhook_secret", "autolog_operator_tokens", "autolog_app_tokens", "redis_users", "redis_password",
           "redis_exporter_password", "grafana_admin_password", "smtp_password"}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = scratch_folder("setup", self.addCleanup)
        self.secrets = self.folder / "secrets"

    def contents(self):
        return {path.name: path.read_text() for path in self.secrets.iterdir()}

    def test_it_writes_all_that_compose_mounts(self):
        set_up(self.folder)
        mounted = {secret["source"] for service in services().values() for secret in service.get("secrets", [])}
        self.assertEqual(set(self.contents()), SECRETS)
        self.assertEqual(mounted, SECRETS)
        self.assertEqual((self.folder / ".env").read_text(), (ROOT / ".env.example").read_text())

    def test_the_folder_is_closed_and_the_files_are_readable_whatever_the_umask(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        for umask in (0, 0o022, 0o077):
            os.umask(umask)
            set_up(self.folder)
            self.assertEqual(mode(self.secrets), 0o700)
            self.assertEqual(mode(self.folder / ".env"), 0o600)
            self.assertEqual({mode(path) for path in self.secrets.iterdir()}, {0o444})
            shutil.rmtree(self.secrets)
            (self.folder / ".env").unlink()

    def test_every_service_can_read_its_secrets_as_its_own_user(self):
        if os.geteuid() != 0:
            self.skipTest("NOT CHECKED: secrets as seen by the users of the images, since this takes root")
        set_up(self.folder)
        checked = 0
        for name, service in services().items():
            uid = str(IMAGES[name][1])
            for secret in service.get("secrets", []):
                # An open path stands for the mount: the closed folder is no longer on the way.
                path = os.open(self.secrets / secret["source"], os.O_PATH)
                read = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all",
                        "cat", f"/proc/self/fd/{path}"]
                done = subprocess.run(read, pass_fds=[path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                os.close(path)
                self.assertEqual(done.returncode, 0, f"{name} cannot read {secret['source']}: {done.stderr}")
                checked += 1
        closed = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", self.secrets]
        self.assertNotEqual(subprocess.run(closed, stderr=subprocess.DEVNULL).returncode, 0)
        self.assertGreaterEqual(checked, 8)

    def test_secrets_are_long_random_and_different(self):
        set_up(self.folder)
        first = self.contents()
        shutil.rmtree(self.secrets)
        set_up(self.folder)
        words = [re.findall(r"[0-9a-f]{64}", text) for text in (*first.values(), *self.contents().values())]
        self.assertEqual(len({word for found in words for word in found}), 2 * 8)  # six secrets and two digests, twice

    def test_it_writes_each_secret_as_its_reader_wants_it(self):
        set_up(self.folder)
        self.assertRegex(self.contents()["autolog_operator_tokens"], r"\Aadmin:[0-9a-f]{64}\n\Z")
        self.assertEqual(self.contents()["smtp_password"], "")
        reader = environment("redis-exporter")
        address = reader["REDIS_ADDR"].replace("://", f"://{reader['REDIS_USER']}@")
        self.assertEqual(list(json.loads(self.contents()["redis_exporter_password"])), [address])

    def test_a_second_run_changes_nothing(self):
        set_up(self.folder)
        others = re.sub("(?m)^(CLUSTER|DOMAIN)=.*\n", "", (ROOT / ".env.example").read_text())
        (self.folder / ".env").write_text("# CLUSTER= is not ours\nDOMAIN=mine.example\n" + others)
        settings, secrets = (self.folder / ".env").read_text(), self.contents()
        said = set_up(self.folder)
        self.assertEqual((self.folder / ".env").read_text(), settings)
        self.assertEqual(self.contents(), secrets)
        self.assertIn("left .env as it was\n", said)
        self.assertNotIn("wrote", said)

    def test_it_completes_what_is_missing(self):
        set_up(self.folder)
        settings = (self.folder / ".env").read_text().replace("LOKI_RETENTION=720h\n", "")
        (self.folder / ".env").write_text(settings.rstrip("\n"))
        before = self.contents()
        (self.secrets / "autolog_app_tokens").unlink()
        said = set_up(self.folder)
        self.assertIn("but for what it lacked: LOKI_RETENTION\n", said)
        self.assertTrue((self.folder / ".env").read_text().startswith(settings))
        self.assertTrue((self.folder / ".env").read_text().endswith("\nLOKI_RETENTION=720h\n"))
        after = self.contents()
        self.assertRegex(after.pop("autolog_app_tokens"), r"\A[0-9a-f]{64}\n\Z")
        self.assertNotEqual(before.pop("autolog_app_tokens"), after)
        self.assertEqual(after, before)

    def test_it_makes_a_secret_of_the_operator_readable_to_its_container(self):
        set_up(self.folder)
        password = self.secrets / "smtp_password"
        password.unlink()
        password.write_text("s3cret & more\n")
        password.chmod(0o600)
        self.assertIn("made ./secrets/smtp_password readable", set_up(self.folder))
        self.assertEqual(password.read_text(), "s3cret & more\n")
        self.assertEqual(mode(password) & 0o444, 0o444)

    def test_it_tells_when_redis_would_not_know_a_new_password(self):
        set_up(self.folder)
        (self.secrets / "redis_password").unlink()
        self.assertIn("redis_users is not what", set_up(self.folder))
        (self.secrets / "redis_users").unlink()
        self.assertNotIn("redis_users is not what", set_up(self.folder))

    def test_the_folder_of_secrets_is_where_the_settings_say(self):
        (self.folder / ".env").write_text("SECRETS_DIR='./elsewhere'\n")
        set_up(self.folder)
        self.assertEqual({path.name for path in (self.folder / "elsewhere").iterdir()}, SECRETS)
        self.assertFalse(self.secrets.exists())
        other = self.folder / "other"
        set_up(self.folder, SECRETS_DIR=str(other))
        self.assertEqual({path.name for path in other.iterdir()}, SECRETS)
        (self.folder / ".env").write_text("SECRETS_DIR=~/at-home\n")
        set_up(self.folder, HOME=str(self.folder))
        self.assertEqual({path.name for path in (self.folder / "at-home").iterdir()}, SECRETS)

    def test_it_understands_settings_as_compose_does(self):
        for written in ("DOMAIN=a.example", "DOMAIN='a.example'", 'DOMAIN="a.example" # mine', "DOMAIN=a.example # x",
                        "DOMAIN=b.example\nexport DOMAIN=a.example", "DOMAIN=a.example\r", "DOMAIN = a.example",
                        "DOMAIN: a.example"):
            self.write_settings(written + "\n")
            self.assertEqual(self.compose("grafana")["GF_SERVER_ROOT_URL"], "https://a.example/")
            self.assertIn("https://a.example/ as admin", set_up(self.folder), written)
        self.assertIn("https://c.example/", set_up(self.folder, DOMAIN="c.example"))
        self.assertIn("https://localhost/", set_up(self.folder, DOMAIN=""))

    def test_it_reads_values_as_compose_does(self):
        home = {"HOME": "/nonexistent"}  # as in environment()
        for written in ("$HOME/x", "${HOME}/x # y", '"${HOME}/x"', "'${HOME}/x'", r'"a\"b\$c\\d"', r"a\b", "it's", 'a"b',
                        "a#b", "a #b", "#b", "$$a", "$NONE/x", "é ü", "${CLUSTER}-1", "''", "p|a&s;(t)*?"):
            for before in ("CLUSTER=one\n", "\ufeffCLUSTER=two\n", "CLUSTER='a b'\r\n"):
                self.write_settings(f"{before}ACME_EMAIL={written}\n")
                self.assertEqual(self.setting("ACME_EMAIL", **home), self.compose("caddy")["ACME_EMAIL"], written)
        (self.folder / ".env").write_text("ACME_EMAIL=$ACME_EMAIL\n")
        self.assertEqual(self.setting("ACME_EMAIL"), "")

    def write_settings(self, text):
        (self.folder / ".env").write_text(text)

    def compose(self, service):
        """Returns the variables of a service; what Compose made of a file is kept by the file's name."""
        copy = tempfile.NamedTemporaryFile(dir=self.folder, delete=False)
        shutil.copy(self.folder / ".env", copy.name)
        return environment(service, copy.name)

    def setting(self, name, **variables):
        script = f"source {ROOT}/scripts/stack/settings.sh; setting {name}"
        done = subprocess.run(["bash", "-euc", script], cwd=self.folder, env={"PATH": os.environ["PATH"], **variables},
                              check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.removesuffix("\n")

    def test_a_folder_of_secrets_that_names_a_variable_is_where_compose_looks(self):
        (self.folder / ".env").write_text('SECRETS_DIR="${HOME}/my secrets"\n')
        set_up(self.folder, HOME=str(self.folder))
        self.assertEqual({path.name for path in (self.folder / "my secrets").iterdir()}, SECRETS)
        (self.folder / ".env").write_text("SECRETS_DIR=${HOME:-/tmp}/x\n")
        self.fails("without anything else between the braces")

    def fails(self, why):
        done = try_to_set_up(self.folder)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(why, done.stderr)

    def test_it_does_not_go_on_with_a_secret_that_is_none(self):
        set_up(self.folder)
        secret = self.secrets / "redis_password"
        secret.unlink()
        secret.touch()
        self.fails("redis_password is empty")
        secret.unlink()
        secret.mkdir()  # as an engine makes of a mount that is missing
        self.fails("redis_password is no file")
        secret.rmdir()
        (self.secrets / ".new").write_text("half a sec")
        set_up(self.folder)
        self.assertRegex(secret.read_text(), r"\A[0-9a-f]{64}\n\Z")
        self.assertEqual({path.name for path in self.secrets.iterdir()}, SECRETS)

    def test_it_says_where_it_cannot_write(self):
        self.secrets.touch()
        self.fails("cannot make the folder ./secrets")
        self.secrets.unlink()
        (self.folder / ".env").unlink()
        (self.folder / ".env").mkdir()
        self.fails(".env is no file")

    def test_what_containers_mount_is_readable_whatever_the_umask(self):
        set_up(self.folder)
        acl = self.folder / "stack" / "redis" / "users.acl"
        acl.chmod(0o600)
        acl.parent.chmod(0o700)
        said = set_up(self.folder)
        self.assertIn("made readable to the containers: ./stack/redis\n", said)
        self.assertEqual((mode(acl.parent), mode(acl) & 0o444), (0o755, 0o444))
        self.assertNotIn("made readable", set_up(self.folder))

    def test_it_says_what_is_not_set(self):
        said = set_up(self.folder)
        self.assertIn("No external dead man's switch is set", said)
        self.assertIn("No e-mail is sent", said)
        said = set_up(self.folder, WATCHDOG_WEBHOOK_URL="https://watch.example/1", SMTP_SMARTHOST="mail.example:587")
        self.assertNotIn("dead man's switch", said)
        self.assertNotIn("No e-mail", said)
        for secret in (text.strip() for text in self.contents().values() if text.strip()):
            self.assertNotIn(secret, said)


if __name__ == "__main__":
    unittest.main()
