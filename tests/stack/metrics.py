"""The metrics that dashboards may name of programs that do not run in the tests, each with where it is told of."""

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
    "target_info": {"service_name": "shop", "deployment_environment_name": "production"},
}
ELSEWHERE = {**LOKI, **TEMPO, **SPANS, **CONTAINERS, **APPLICATIONS}
