"""The files of Loki, Tempo and Alloy say nothing that is not in the documentation of their versions.

None of these programs is fetched here; where one is given, test_signals.py has it read its file.
"""
import re
import unittest

from stack import parsed, read

# What the files say, as Loki 3.7 and Tempo 3.0 document it. Both refuse a key that they do not know.
LOKI = """
analytics.reporting_enabled auth_enabled common.path_prefix common.replication_factor common.ring.instance_addr
common.ring.kvstore.store common.storage.filesystem.chunks_directory compactor.delete_request_store
compactor.retention_enabled compactor.working_directory ingester.wal.replay_memory_ceiling
limits_config.ingestion_burst_size_mb limits_config.ingestion_rate_mb limits_config.max_line_size_truncate
limits_config.otlp_config.resource_attributes.attributes_config.action
limits_config.otlp_config.resource_attributes.attributes_config.attributes
limits_config.otlp_config.resource_attributes.ignore_defaults limits_config.per_stream_rate_limit
limits_config.per_stream_rate_limit_burst limits_config.retention_period limits_config.volume_enabled
ruler.alertmanager_url ruler.datasource_uid ruler.evaluation_interval ruler.external_labels.cluster ruler.external_url
ruler.rule_path ruler.storage.local.directory ruler.storage.type ruler_storage.backend ruler_storage.local.directory
schema_config.configs.from schema_config.configs.index.period schema_config.configs.index.prefix
schema_config.configs.object_store schema_config.configs.schema schema_config.configs.store
server.grpc_server_max_recv_msg_size server.grpc_server_max_send_msg_size server.http_listen_port server.log_level
storage_config.use_thanos_objstore
"""
TEMPO = """
distributor.receivers.otlp.protocols.grpc.endpoint distributor.receivers.otlp.protocols.http.endpoint
live_store.max_live_traces_bytes metrics_generator.registry.external_labels.cluster metrics_generator.storage.path
metrics_generator.storage.remote_write.send_exemplars metrics_generator.storage.remote_write.url
overrides.defaults.compaction.block_retention overrides.defaults.metrics_generator.max_active_series
overrides.defaults.metrics_generator.processor.service_graphs.dimensions
overrides.defaults.metrics_generator.processor.span_metrics.dimensions
overrides.defaults.metrics_generator.processors overrides.defaults.metrics_generator.trace_id_label_name
server.http_listen_port server.log_level storage.trace.backend storage.trace.local.path storage.trace.wal.path
stream_over_http_enabled
usage_report.reporting_enabled
"""
# What earlier versions knew, and these refuse or are about to.
REMOVED = {
    "loki": "table_manager chunk_store_config.max_look_back_period limits_config.enforce_metric_name "
            "limits_config.unordered_writes compactor.shared_store storage_config.boltdb storage_config.boltdb_shipper "
            "compactor.allow_deletes",
    "tempo": "ingester ingester_client compactor metrics_generator_client distributor.receivers.opencensus "
             "metrics_generator.traces_storage overrides.metrics_generator_processors",
}
# The components of Alloy 1.18 that are generally available and used here, with the blocks and arguments of each.
ALLOY = {
    "discovery.docker": "host filter filter.name filter.values",
    "discovery.relabel": "targets rule rule.source_labels rule.regex rule.action rule.target_label",
    "loki.source.docker": "host targets forward_to",
    "local.file_match": "path_targets",
    "loki.source.file": "targets forward_to",
    "loki.process": "forward_to stage.json stage.json.expressions stage.timestamp stage.timestamp.source "
                    "stage.timestamp.format stage.timestamp.action_on_failure stage.regex stage.regex.source "
                    "stage.regex.expression stage.template stage.template.source stage.template.template stage.labels "
                    "stage.labels.values stage.label_drop stage.label_drop.values",
    "loki.write": "external_labels endpoint endpoint.url",
    "prometheus.exporter.cadvisor": "docker_host containerd_host docker_only store_container_labels "
                                    "allowlisted_container_labels enabled_metrics",
    "prometheus.scrape": "targets scrape_interval forward_to",
    "prometheus.relabel": "forward_to rule rule.source_labels rule.regex rule.action rule.target_label "
                          "rule.replacement",
    "prometheus.remote_write": "endpoint endpoint.url",
}
EXPORTS = {"discovery.docker": "targets", "discovery.relabel": "output", "local.file_match": "targets",
           "loki.process": "receiver", "loki.write": "receiver", "prometheus.exporter.cadvisor": "targets",
           "prometheus.relabel": "receiver", "prometheus.remote_write": "receiver"}


def keys(value, path=""):
    """Returns the paths of all leaves; what is in a list counts as if it stood there alone."""
    if isinstance(value, dict):
        return {leaf for key, inner in value.items() for leaf in keys(inner, f"{path}.{key}" if path else key)}
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return {leaf for inner in value for leaf in keys(inner, path)}
    return {path}


def blocks(text):
    """Returns what is on the outside of a file in Alloy's syntax: (component, label, paths of blocks and arguments)."""
    found, path = [], []
    for line in text.splitlines():
        line = re.sub(r"^\s*//.*", "", line).strip()
        if component := re.fullmatch(r'([a-z_.]+) "(\w+)" \{', line):
            found.append((component[1], component[2], set()))
        elif block := re.fullmatch(r"([a-z_.]+) \{", line):
            path.append(block[1])
            found[-1][2].add(".".join(path))
        elif argument := re.match(r"(\w+) += (.*)", line):
            if not (path and path[-1] == "{"):
                found[-1][2].add(".".join([*path, argument[1]]))
            if argument[2] == "{":
                path.append("{")
        elif line in ("}", "},") and path:
            path.pop()
    return found


class Documented(unittest.TestCase):
    def test_loki_and_tempo_know_every_key(self):
        for program, known in (("loki", LOKI), ("tempo", TEMPO)):
            with self.subTest(program=program):
                self.assertEqual(keys(parsed(f"stack/{program}/{program}.yaml")), set(known.split()))

    def test_nothing_is_used_that_was_removed(self):
        for program, removed in REMOVED.items():
            for key in keys(parsed(f"stack/{program}/{program}.yaml")):
                for old in removed.split():
                    self.assertFalse(key == old or key.startswith(f"{old}."), f"{program} no longer knows {key}")
        self.assertNotIn("local-blocks", read("stack/tempo/tempo.yaml"))

    def test_alloy_knows_every_component_and_argument(self):
        text = read("stack/alloy/config.alloy")
        self.assertEqual(text.count("{"), text.count("}"))
        found = blocks(text)
        self.assertEqual({component for component, _, _ in found}, set(ALLOY))
        for component, label, paths in found:
            self.assertLessEqual(paths, set(ALLOY[component].split()), f"{component} {label}")

    def test_alloy_refers_to_what_is_there(self):
        text = read("stack/alloy/config.alloy")
        exported = {f"{component}.{label}.{EXPORTS[component]}" for component, label, _ in blocks(text)
                    if component in EXPORTS}
        used = set(re.findall(r"\b(?:discovery|loki|local|prometheus)\.[a-z_.]+\.(?:targets|output|receiver)\b", text))
        self.assertEqual(used, exported)

    def test_expressions_of_alloy_are_regular_expressions(self):
        found = re.findall(r'(?:expression|regex) += "(.*)"', read("stack/alloy/config.alloy"))
        self.assertTrue(found)
        for expression in found:
            re.compile(expression.replace("\\\\", "\\"))


if __name__ == "__main__":
    unittest.main()
