"""The compose file: valid, pinned, bounded, closed, and true to what is in the images."""
import collections
import pathlib
import re
import subprocess
import unittest

from stack import IMAGES, ROOT, compose, files, services, tool

# Folders of the host that a service may read: Alloy reads the containers', the node exporter all file systems'.
HOST = {"alloy": {"/", "/sys", "/var/lib/docker", "/var/run/docker.sock", "/dev/disk"}, "node-exporter": {"/"}}
PORTS = {
    "127.0.0.1": {("otel-collector", "4317", "tcp"), ("otel-collector", "4318", "tcp"), ("loki", "3100", "tcp"),
                  ("autolog", "5000", "tcp")},
    "": {("caddy", "80", "tcp"), ("caddy", "443", "tcp"), ("caddy", "443", "udp")},
}
CAPABILITIES = {"caddy": ["NET_BIND_SERVICE"]}
WITHOUT_HEALTHCHECK = {"otel-collector", "redis-exporter"}


class Compose(unittest.TestCase):
    def test_the_file_follows_the_compose_specification(self):
        checker = [tool("lint", "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
        done = subprocess.run(checker, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_compose_has_nothing_to_say_with_and_without_settings(self):
        for settings in ("/dev/null", ROOT / ".env.example"):
            with self.subTest(settings=settings):
                done = compose("config", "--quiet", settings=settings)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_example_of_settings_changes_nothing(self):
        self.assertEqual(services(), services(str(ROOT / ".env.example")))

    def test_every_image_is_the_known_one(self):
        for name, service in services().items():
            self.assertEqual(service["image"], IMAGES[name][0])
            self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+(-alpine)?$")

    def test_the_image_of_autolog_has_the_version_of_the_crate(self):
        version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
        self.assertEqual(services()["autolog"]["image"], f"autolog:{version}")

    def test_every_healthcheck_calls_what_its_image_has(self):
        for name, service in services().items():
            if name in WITHOUT_HEALTHCHECK:
                self.assertNotIn("healthcheck", service, name)
                continue
            kind, *command = service["healthcheck"]["test"]
            called = {"sh"} if kind == "CMD-SHELL" else {command[0]}
            if kind == "CMD-SHELL" or command[0] == "bash":
                called |= set(re.findall(r"(?:^|[|&] *)([a-z-]+)", command[-1])) - {"exec"}
            self.assertLessEqual(called, IMAGES[name][2], name)

    def test_no_start_waits_for_another_service(self):
        for name, service in services().items():
            self.assertNotIn("depends_on", service, name)

    def test_every_mounted_path_is_in_the_tree_and_read_only(self):
        tracked = [pathlib.Path(path) for path in files()]
        for name, service in services().items():
            for mount in service.get("volumes", []):
                if mount["type"] != "bind":
                    continue
                self.assertTrue(mount.get("read_only"), mount["source"])
                if mount["source"] in HOST.get(name, ()):
                    continue
                inside = pathlib.Path(mount["source"]).relative_to(ROOT)
                self.assertTrue(any(path.is_relative_to(inside) for path in tracked), f"{inside} is not in the tree")

    def test_every_named_volume_belongs_to_one_writer(self):
        writers = collections.Counter(
            mount["source"] for service in services().values() for mount in service.get("volumes", [])
            if mount["type"] == "volume" and not mount.get("read_only"))
        self.assertTrue(writers)
        self.assertEqual(set(writers.values()), {1})

    def test_nothing_is_published_but_what_is_meant_to_be(self):
        published = collections.defaultdict(set)
        for name, service in services().items():
            for port in service.get("ports", []):
                self.assertEqual(str(port["target"]), port["published"])
                published[port.get("host_ip", "")].add((name, port["published"], port["protocol"]))
        self.assertEqual(published, PORTS)

    def test_memory_adds_up_to_less_than_4_gib(self):
        self.assertLessEqual(sum(int(service["mem_limit"]) for service in services().values()), 4 << 30)

    def test_every_service_runs_with_the_least_it_needs(self):
        for name, service in services().items():
            self.assertEqual(service["restart"], "unless-stopped", name)
            self.assertEqual(service["security_opt"], ["no-new-privileges:true"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertEqual(service.get("cap_add", []), CAPABILITIES.get(name, []), name)
            self.assertTrue(service.get("read_only"), name)
            self.assertFalse({"privileged", "devices", "network_mode"} & service.keys(), name)
            self.assertEqual(service["logging"]["options"].keys(), {"max-size", "max-file"}, name)

    def test_services_get_no_secret_in_a_variable(self):
        for name, service in services().items():
            for variable in service.get("environment", {}):
                if re.search("PASSWORD|SECRET|TOKEN", variable):
                    self.assertTrue(variable.endswith("_FILE"), f"{name}: {variable}")


class Yaml(unittest.TestCase):
    def test_yamllint_has_nothing_to_say(self):
        linter = [tool("lint", "yamllint"), "--strict", *files("*.yml", "*.yaml")]
        done = subprocess.run(linter, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
