"""The metrics that dashboards may name, by the program that shows them or by where it is said that it does."""

# By job; tests/e2e/dashboards.py looks for each among what the program really shows.
RUN = {
    "autolog": """
        autolog_alerts_total autolog_check_requests_total autolog_detection_seconds_bucket autolog_feed_resyncs_total
        autolog_frozen autolog_http_request_duration_seconds_bucket autolog_last_sync_timestamp_seconds
        autolog_refused_total autolog_session_expires_timestamp_seconds autolog_session_info autolog_sessions_active
        autolog_sessions_ended_total autolog_sessions_limit autolog_sessions_opened_total autolog_sessions_unpolled
        autolog_store_operation_duration_seconds_bucket autolog_store_rollbacks_total autolog_store_up autolog_waiting
        autolog_watchdog_last_seen_timestamp_seconds autolog_webhook_requests_total""".split(),
    "prometheus": """
        prometheus_rule_evaluation_failures_total prometheus_rule_group_interval_seconds
        prometheus_rule_group_last_duration_seconds prometheus_tsdb_head_chunks_storage_size_bytes
        prometheus_tsdb_head_samples_appended_total prometheus_tsdb_head_series prometheus_tsdb_retention_limit_bytes
        prometheus_tsdb_storage_blocks_bytes prometheus_tsdb_wal_storage_size_bytes""".split(),
    "alertmanager": """
        alertmanager_alerts alertmanager_notifications_failed_total alertmanager_notifications_total""".split(),
    "node-exporter": ["node_filesystem_avail_bytes", "node_filesystem_size_bytes"],
    "redis-exporter": """
        redis_commands_processed_total redis_connected_clients redis_memory_max_bytes
        redis_memory_used_bytes""".split(),
    "otel-collector": """
        otelcol_exporter_queue_capacity otelcol_exporter_queue_size otelcol_process_memory_rss
        otelcol_receiver_accepted_log_records otelcol_receiver_accepted_metric_points otelcol_receiver_accepted_spans
        otelcol_receiver_refused_log_records otelcol_receiver_refused_metric_points
        otelcol_receiver_refused_spans""".split(),
}
# Of Prometheus itself.
ALWAYS = {"up", "ALERTS"}
# Collector 0.159: exporter/exporterhelper/documentation.md. Each is shown from its first failure on.
FAILURES = {f"otelcol_exporter_send_failed_{items}" for items in ("spans", "log_records", "metric_points")}

# Loki 3.7: https://grafana.com/docs/loki/latest/operations/meta-monitoring/ and pkg/{distributor,validation,ruler}
LOKI = {
    "loki_distributor_bytes_received_total": {},
    "loki_discarded_samples_total": {"reason": "rate_limited"},
    "loki_prometheus_rule_evaluation_failures_total": {"rule_group": "application-logs"},
}
# Tempo 3.0: modules/distributor, modules/overrides and the names of its metrics generator
TEMPO = {
    "tempo_distributor_spans_received_total": {},
    "tempo_discarded_spans_total": {"reason": "trace_too_large"},
}
SPAN = {"service": "shop", "span_name": "GET /orders", "span_kind": "SPAN_KIND_SERVER",
        "deployment_environment_name": "production", "http_route": "/orders"}
SPANS = {
    "traces_spanmetrics_calls_total": {**SPAN, "status_code": "STATUS_CODE_ERROR"},
    "traces_spanmetrics_latency_bucket": {**SPAN, "status_code": "STATUS_CODE_UNSET"},
    "traces_service_graph_request_total": {"client": "shop", "server": "shop"},
}
# cAdvisor, as Alloy's exporter shows it: https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
CONTAINER = {"name": "autolog-loki-1", "container_label_com_docker_compose_service": "loki"}
CONTAINERS = {
    "container_memory_working_set_bytes": CONTAINER,
    "container_spec_memory_limit_bytes": CONTAINER,
    "container_cpu_usage_seconds_total": CONTAINER,
}
# OpenTelemetry's semantic conventions for HTTP servers, as Prometheus translates them; every application sends them.
APPLICATIONS = {
    "http_server_request_duration_seconds_count": {
        "service_name": "shop", "deployment_environment_name": "production", "http_route": "/orders",
        "http_request_method": "GET", "http_response_status_code": "500"},
}
ELSEWHERE = {**LOKI, **TEMPO, **SPANS, **CONTAINERS, **APPLICATIONS}
KNOWN = ALWAYS | FAILURES | set(ELSEWHERE) | {name for names in RUN.values() for name in names}
