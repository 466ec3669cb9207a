#!/usr/bin/env bash
# Sends telemetry through the running stack and follows it: scripts/smoke-test.sh [OTLP-ENDPOINT]
#
# First one trace, one log line and one metric with a random identity, until Tempo, Loki and Prometheus have them. Then a
# fatal line of an application smoke-<random>, until it is an alert in Loki, an alert in Alertmanager, a session, and what
# `check` answers. A line for each step with the time it took; 0 if all went well, 1 at the first step that did not. The
# session is disabled at the end; its alert ends two minutes later, and pages nobody.
#
# OTLP-ENDPOINT is OTLP over HTTP, by default http://127.0.0.1:4318 (with BIND_ADDRESS of .env instead of 127.0.0.1).
#
# Environment: DEADLINE, seconds for each step (90). TEMPO_URL, LOKI_URL, PROMETHEUS_URL, ALERTMANAGER_URL,
# AUTOLOG_URL say where to ask; the first, third and fourth are asked from inside the stack unless they are set. The
# tokens are those in SECRETS_DIR.
set -euo pipefail

case ${1:-} in
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  -*) printf 'smoke-test: unknown option %s; try --help\n' "$1" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
command -v curl >/dev/null || { echo "smoke-test: this needs curl" >&2; exit 2; }
# shellcheck source=scripts/stack/ask.sh
source scripts/stack/ask.sh

otlp=${1:-http://$here:4318}
hex() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }
trace=$(hex 16) span=$(hex 8) app=smoke-$(hex 4) begun=$(now)
readonly trace span app begun environment=smoke

send() { get --header 'Content-Type: application/json' --data-binary @- "$otlp/v1/$1" >/dev/null; }

resource() {
  printf '"resource":{"attributes":[%s,%s]}' \
    '{"key":"service.name","value":{"stringValue":"'"$app"'"}}' \
    '{"key":"deployment.environment.name","value":{"stringValue":"'"$environment"'"}}'
}

send_trace() {
  local at
  at=$(now)000
  send traces <<JSON
{"resourceSpans":[{$(resource),"scopeSpans":[{"scope":{"name":"smoke-test"},"spans":[{"traceId":"$trace","spanId":"$span",
"name":"GET /smoke","kind":2,"startTimeUnixNano":"$at","endTimeUnixNano":"$at","status":{"code":1}}]}]}]}
JSON
}

# Sends a log line: send_log SEVERITY-NUMBER SEVERITY-TEXT BODY
send_log() {
  send logs <<JSON
{"resourceLogs":[{$(resource),"scopeLogs":[{"scope":{"name":"smoke-test"},"logRecords":[{"timeUnixNano":"$(now)000",
"severityNumber":$1,"severityText":"$2","body":{"stringValue":"$3"},"traceId":"$trace","spanId":"$span"}]}]}]}
JSON
}

send_metric() {
  send metrics <<JSON
{"resourceMetrics":[{$(resource),"scopeMetrics":[{"scope":{"name":"smoke-test"},"metrics":[{"name":"smoke.test.runs",
"sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"1","startTimeUnixNano":"${begun}000",
"timeUnixNano":"$(now)000"}]}}]}]}]}
JSON
}

find_trace() { ask_tempo "/api/traces/$trace" | grep "$app"; }

find_log() {
  local query="{service_name=\"$app\"} | trace_id=\"$trace\""
  ask_loki "/loki/api/v1/query_range?limit=1&start=${begun}000&query=$(encode "$query")" | grep "smoke test $span"
}

find_metric() { ask_prometheus "/api/v1/query?query=$(encode "smoke_test_runs_total{service_name=\"$app\"}")" | grep "\"$app\""; }

# Loki tells of its alerts as Prometheus does.
find_in_loki() { ask_loki "/prometheus/api/v1/alerts" | grep "\"$app\""; }

find_in_alertmanager() { ask_alertmanager "/api/v2/alerts?filter=$(encode "app=\"$app\"")" | grep FatalErrorDetected; }

readonly target="app=$app&environment=$environment"

find_session() { as_operator "/api/autolog/list?$target" | grep '"source":"alert"'; }

check() { as_app "/api/autolog/check?$target" | grep '"enabled":true'; }

disable() {
  as_operator /api/autolog/disable --header 'Content-Type: application/json' \
    --data "{\"app\":\"$app\",\"environment\":\"$environment\",\"reason\":\"smoke test\"}"
}

need_tokens
printf 'Following %s, trace %s, from %s\n' "$app" "$trace" "$otlp"
step "collector takes a trace" "is $otlp reached? docker compose ps otel-collector" send_trace
step "collector takes a log line" "docker compose logs otel-collector" send_log 9 INFO "smoke test $span"
step "collector takes a metric" "docker compose logs otel-collector" send_metric
step "trace is in Tempo" "docker compose logs tempo; the collector's exporter otlp_grpc/tempo" find_trace
step "log line is in Loki, with its trace" "docker compose logs loki; the collector's exporter otlp_http/loki" find_log
step "metric is in Prometheus" "docker compose logs prometheus; the collector's exporter otlp_http/prometheus" find_metric
step "collector takes a fatal line" "docker compose logs otel-collector" send_log 21 FATAL "smoke test $span is fatal"
trap 'disable >/dev/null 2>&1 || true' EXIT  # a step may fail while the session is open, or is about to
step "Loki's rule fires" "docker compose logs loki | grep ruler; are the rules mounted?" find_in_loki
step "alert is in Alertmanager" "docker compose logs loki alertmanager" find_in_alertmanager
step "session is open" "docker compose logs alertmanager autolog; do both have the same webhook secret?" find_session
step "check answers enabled" "docker compose logs autolog; docs/operations.md, Why is X not in DEBUG?" check
step "session is disabled again" "docker compose logs autolog" disable
trap - EXIT
printf 'All is well, in %s s\n' "$(since "$begun")"
