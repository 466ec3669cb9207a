"""The files of collector, Prometheus, Loki, Tempo and Alloy: accepted by the programs that read them, and in agreement.

They agree with each other and with the compose file.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from stack import ROOT, parsed, read, services, tool

NOT_HERE = {"loki": "AUTOLOG_LOKI", "tempo": "AUTOLOG_TEMPO", "alloy": "AUTOLOG_ALLOY"}
SETTINGS = {"CLUSTER": "north", "DOMAIN": "example.org", "LOKI_RETENTION": "48h", "TEMPO_RETENTION": "48h"}


def run(command, **environment):
    """Runs a program with these variables alone, and returns its exit code and output."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment})
    return done.returncode, done.stdout


class Programs(unittest.TestCase):
    """Each file is accepted by the program that reads it, and a broken one is not."""

    def accepts(self, check, path, broken, **environment):
        """Fails unless `check`, given a file's path, passes for the shipped one and not for one with `broken` in it."""
        code, text = check(ROOT / path, **environment)
        self.assertEqual(code, 0, f"{path}: {text}")
        before, after = broken
        self.assertIn(before, read(path))
        with tempfile.TemporaryDirectory() as folder:
            other = pathlib.Path(folder) / pathlib.Path(path).name
            other.write_text(read(path).replace(before, after, 1))
            self.assertNotEqual(check(other, **environment)[0], 0, f"{path} is accepted with {after}")

    def given(self, program):
        """Returns a program that we do not fetch, or skips the test in so many words."""
        named = os.environ.get(NOT_HERE[program]) or shutil.which(program)
        if not named:
            print(f"NOT CHECKED: stack/{program} with {program} itself, since none is here; "
                  f"set {NOT_HERE[program]}=/path/to/{program}", flush=True)
            self.skipTest(f"no {program}")
        return named

    def test_prometheus(self):
        def check(path, **environment):
            with tempfile.TemporaryDirectory() as folder:
                copy = pathlib.Path(folder) / "prometheus.yml"
                copy.write_text(path.read_text().replace("/etc/alert-rules/", f"{ROOT}/alert-rules/prometheus/"))
                return run([tool("stack", "promtool"), "check", "config", "--lint=all", "--lint-fatal", copy],
                           **environment)

        self.accepts(check, "stack/prometheus/prometheus.yml", ("otlp:", "oltp:"), CLUSTER="north")
        self.assertIn("rules found", check(ROOT / "stack/prometheus/prometheus.yml")[1])

    def test_collector(self):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
        if not (cache / "autolog" / "tools" / "collector").exists() and not shutil.which("go"):
            print("NOT CHECKED: stack/otel-collector with the collector itself, since go, which builds it, is missing",
                  flush=True)
            self.skipTest("no go")
        collector = tool("collector", "otelcol-contrib")

        def check(path, **environment):
            return run([collector, "validate", f"--config={path}"], **environment)

        path = "stack/otel-collector/config.yaml"
        self.accepts(check, path, ("exporters: [otlp_grpc/tempo]", "exporters: [otlp/tempo]"))
        self.accepts(check, path, ("limit_mib", "limit_mb"), DEFAULT_ENVIRONMENT="staging")
        self.accepts(check, path, ("IsMatch(", "Matches("), DEFAULT_ENVIRONMENT="a.b_c-d:e@f")

    def test_loki(self):
        program = self.given("loki")

        def check(path, **environment):
            return run([program, f"-config.file={path}", "-config.expand-env", "-verify-config"], **environment)

        self.accepts(check, "stack/loki/loki.yaml", ("ruler:", "rulers:"))
        self.accepts(check, "stack/loki/loki.yaml", ("schema: v13", "schema: v99"), **SETTINGS)

    def test_tempo(self):
        program = self.given("tempo")

        def check(path, **environment):
            return run([program, f"-config.file={path}", "-config.expand-env", "-config.verify"], **environment)

        self.accepts(check, "stack/tempo/tempo.yaml", ("overrides:", "ingester: {}\noverrides:"))
        self.accepts(check, "stack/tempo/tempo.yaml", ("distributor:", "distributors:"), **SETTINGS)

    def test_alloy(self):
        program = self.given("alloy")

        def check(path, **environment):
            return run([program, "validate", path], **environment)

        self.accepts(check, "stack/alloy/config.alloy", ("forward_to", "forwards_to"))


class Agreement(unittest.TestCase):
    """What one file says of another part is so."""

    @classmethod
    def setUpClass(cls):
        cls.collector = parsed("stack/otel-collector/config.yaml")
        cls.prometheus = parsed("stack/prometheus/prometheus.yml")
        cls.loki = parsed("stack/loki/loki.yaml")
        cls.tempo = parsed("stack/tempo/tempo.yaml")

    def test_every_host_that_is_named_is_a_service(self):
        for path in ("otel-collector/config.yaml", "prometheus/prometheus.yml", "loki/loki.yaml", "tempo/tempo.yaml",
                     "alloy/config.alloy"):
            text = re.sub(r"(?m)^\s*(#|//).*$", "", read(f"stack/{path}"))
            for host, port in re.findall(r"(?:http://|[\[\s])([a-z][a-z-]+):(\d{2,5})\b", text):
                self.assertIn(host, services(), f"stack/{path}: {host}:{port}")

    def test_prometheus_scrapes_every_service_that_has_metrics_once(self):
        jobs = [job["job_name"] for job in self.prometheus["scrape_configs"]]
        self.assertEqual(sorted(jobs), sorted(set(services()) - {"redis", "caddy", "shop"}))
        for job in self.prometheus["scrape_configs"]:
            targets = [target for config in job["static_configs"] for target in config["targets"]]
            self.assertEqual([target.partition(":")[0] for target in targets], [job["job_name"]])

    def test_every_pipeline_begins_with_the_memory_limiter(self):
        pipelines = self.collector["service"]["pipelines"]
        self.assertEqual(set(pipelines), {"traces", "metrics", "logs"})
        for name, pipeline in pipelines.items():
            self.assertEqual(pipeline["processors"][0], "memory_limiter")
            self.assertEqual("filter/unknown-service" in pipeline["processors"], name != "metrics")
            self.assertIn("transform/environment", pipeline["processors"])

    def test_the_collectors_limits_fit_into_its_container(self):
        limiter = self.collector["processors"]["memory_limiter"]
        self.assertEqual((limiter["limit_mib"], limiter["spike_limit_mib"]), (512, 128))
        service = services()["otel-collector"]
        self.assertLess(limiter["limit_mib"] << 20, int(service["mem_limit"]))
        go = int(re.fullmatch(r"(\d+)MiB", service["environment"]["GOMEMLIMIT"])[1])
        self.assertLessEqual(go, limiter["limit_mib"])
        queues = [exporter["sending_queue"]["queue_size"] for exporter in self.collector["exporters"].values()]
        self.assertLess(sum(queues), go << 19, "the queues alone could fill half of the memory")

    def test_an_application_has_the_same_labels_everywhere(self):
        names = ["service.name", "service.namespace", "deployment.environment.name"]
        index = self.loki["limits_config"]["otlp_config"]["resource_attributes"]
        self.assertTrue(index["ignore_defaults"])
        self.assertEqual(index["attributes_config"], [{"action": "index_label", "attributes": names}])
        promoted = self.prometheus["otlp"]["promote_resource_attributes"]
        self.assertEqual(sorted(promoted), sorted([*names, "service.instance.id"]))
        processors = self.tempo["overrides"]["defaults"]["metrics_generator"]["processor"]
        for processor in processors.values():
            self.assertIn("deployment.environment.name", processor["dimensions"])

    def test_rules_are_read_where_they_are_mounted(self):
        def mounted(service, source):
            volumes = services()[service]["volumes"]
            return [mount["target"] for mount in volumes if mount["source"] == str(ROOT / source)]

        self.assertEqual(mounted("prometheus", "alert-rules/prometheus"), ["/etc/alert-rules"])
        self.assertEqual(self.prometheus["rule_files"], ["/etc/alert-rules/*.yml"])
        folder = self.loki["ruler"]["storage"]["local"]["directory"]
        self.assertEqual(folder, self.loki["ruler_storage"]["local"]["directory"])
        self.assertEqual(mounted("loki", "alert-rules/loki"), [f"{folder}/fake"])
        self.assertTrue(self.loki["ruler"]["rule_path"].startswith("/loki/"))

    def test_rules_are_evaluated_every_quarter_of_a_minute(self):
        self.assertEqual(self.prometheus["global"]["evaluation_interval"], "15s")
        self.assertEqual(self.loki["ruler"]["evaluation_interval"], "15s")

    def test_everything_that_is_kept_is_deleted_one_day(self):
        self.assertTrue(self.loki["compactor"]["retention_enabled"])
        self.assertIn("LOKI_RETENTION", self.loki["limits_config"]["retention_period"])
        self.assertIn("TEMPO_RETENTION", self.tempo["overrides"]["defaults"]["compaction"]["block_retention"])
        command = " ".join(services()["prometheus"]["command"])
        self.assertIn("--storage.tsdb.retention.time=", command)

    def test_prometheus_may_be_written_to(self):
        command = services()["prometheus"]["command"]
        for flag in ("--web.enable-otlp-receiver", "--web.enable-remote-write-receiver",
                     "--enable-feature=exemplar-storage"):
            self.assertIn(flag, command)

    def test_what_is_kept_is_kept_in_a_volume(self):
        for name in ("loki", "tempo"):
            volumes = [mount["target"] for mount in services()[name]["volumes"] if mount["type"] == "volume"]
            paths = re.findall(r"(?:path|directory|path_prefix): (/\S+)", read(f"stack/{name}/{name}.yaml"))
            for path in paths:
                if path != "/etc/alert-rules":
                    self.assertTrue(any(pathlib.Path(path).is_relative_to(volume) for volume in volumes), path)


if __name__ == "__main__":
    unittest.main()
