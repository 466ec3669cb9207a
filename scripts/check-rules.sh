#!/usr/bin/env bash
# Checks the alert rules and the Alertmanager configuration with the programs that read them: old and new promtool and
# amtool, the rules' own tests, the grammar of LogQL, and the receivers that the alert of every rule reaches.
set -euo pipefail
cd "$(dirname "$0")/.."
new=$(./scripts/tools.sh stack)
old=$(./scripts/tools.sh stack-old)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a command, and shows what it says only if it fails.
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; printf 'check-rules: failed: %s\n' "$*" >&2; exit 1; }; }

quietly "$new/promtool" check rules --lint=all --lint-fatal alert-rules/prometheus/*.yml
quietly "$old/promtool" check rules alert-rules/prometheus/*.yml
quietly "$new/promtool" test rules alert-rules/tests/*.yml

# No Loki is here to read its rules: their syntax, and what they say of the lines of every SDK, are checked without one.
quietly python3 -m unittest discover --start-directory tests/e2e
if command -v node >/dev/null && command -v npm >/dev/null; then
  quietly node tests/stack/logql.mjs "$(./scripts/tools.sh logql)" alert-rules/loki/*.yml
else
  echo "NOT CHECKED: the syntax of LogQL, since node or npm is missing"
fi

quietly ./scripts/render-alertmanager.sh --check
quietly "$new/amtool" check-config alertmanager/alertmanager.yml
quietly "$old/amtool" check-config alertmanager/alertmanager-bearer.yml

# Fails unless an alert reaches exactly these receivers, in both variants: reaches RECEIVER[,…] LABEL=VALUE…
routes=0
reaches() {
  local receivers=$1
  shift
  quietly "$new/amtool" config routes test --config.file=alertmanager/alertmanager.yml --verify.receivers="$receivers" "$@"
  quietly "$old/amtool" config routes test --config.file=alertmanager/alertmanager-bearer.yml --verify.receivers="$receivers" "$@"
  routes=$((routes + 1))
}

# Prints one line for each alert rule: its name, and the labels that routes look at.
alerts() {
  awk '
    function flush() { if (line) print line; line = "" }
    $1 == "-" { flush() }
    $1 == "-" && $2 == "alert:" { line = "alertname=" $3 }
    line && /^          (severity|category|autolog): / { gsub(/"/, "", $2); sub(/:$/, "", $1); line = line " " $1 "=" $2 }
    END { flush() }
  ' alert-rules/{prometheus,loki}/*.yml
}

count=0
while read -ra labels; do
  expected=
  for label in "${labels[@]}"; do
    case $label in
      alertname=Watchdog) expected=watchdog; break ;;
      autolog=true) expected=autolog,$expected ;;
      severity=critical) expected=${expected}critical, ;;
      severity=warning) expected=${expected}warning, ;;
      category=*) expected=$expected${label#category=} ;;
    esac
  done
  reaches "$expected" "${labels[@]}" app=shop environment=production cluster=main
  [[ $expected == watchdog ]] || reaches autolog "${labels[@]}" app=smoke-4f2a environment=production cluster=main
  count=$((count + 1))
done < <(alerts)
((count == $(cat alert-rules/{prometheus,loki}/*.yml | grep -c -- '- alert: '))) || { echo "check-rules: alerts were overlooked" >&2; exit 1; }

# A fatal alert is a session, a page and the application's business, whatever else it carries.
fatal=(alertname=FatalErrorDetected severity=critical category=application autolog=true)
reaches autolog,critical,application "${fatal[@]}" app=shop environment=production
reaches autolog,critical,application "${fatal[@]}"
reaches autolog,critical,application "${fatal[@]}" app=shop cluster=other endpoint=/orders autolog_scope=endpoint

# The smoke test pages nobody; what only looks like it does.
reaches autolog "${fatal[@]}" app=smoke-4f2a environment=production
reaches autolog app=smoke-4f2a
reaches autolog app=smoke-4f2a severity=warning category=infrastructure
reaches autolog app=smoke-4f2a severity=critical autolog=false
reaches watchdog alertname=Watchdog severity=none category=infrastructure autolog=true app=smoke-1
reaches autolog,critical,application "${fatal[@]}" app=smoke-
reaches autolog,critical,application "${fatal[@]}" app=my-smoke-test
reaches autolog,critical,application "${fatal[@]}" app=Smoke-1
reaches autolog,critical,application "${fatal[@]}" app=shop service_name=smoke-1

# Labels that are missing, odd, or in a company they were not made for.
reaches autolog,warning,infrastructure alertname=X severity=warning category=infrastructure autolog=true
reaches autolog,critical alertname=X severity=critical autolog=true
reaches autolog,application alertname=X category=application autolog=true
reaches autolog alertname=X autolog=true
reaches autolog alertname=X autolog=true severity=info category=other
reaches watchdog alertname=Watchdog severity=critical category=application
reaches critical alertname=X severity=critical
reaches warning alertname=X severity=warning category=
reaches critical,infrastructure alertname=X severity=critical category=infrastructure
reaches infrastructure alertname=X severity=none category=infrastructure
reaches application alertname=X severity=info category=application autolog=false
reaches critical,application alertname=X severity=critical category=application autolog=True
reaches application alertname=X severity=CRITICAL category=application
reaches default alertname=X severity=info
reaches default alertname=X severity=info category=Application
reaches default alertname=watchdog
reaches default
echo "checked $count alerts, their tests, and $routes routes of both Alertmanager configurations"
