#!/usr/bin/env bash
# Breaks an application on purpose and shows what the stack makes of it: scripts/demo.sh (or make demo)
#
# Starts the example shop (profile demo) beside the running stack, breaks its database, and waits for the alert, the
# session and the first DEBUG line, which it prints with the time each took. Then it mends the shop, ends the session,
# and stops the shop. 0 if all of it happened.
#
# Environment: DEADLINE, seconds for each step (120); COMPOSE, the command of Compose ("docker compose"); and what
# scripts/smoke-test.sh takes.
set -euo pipefail

case ${1:-} in
  '') ;;
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  *) printf 'demo: unknown argument %s; try --help\n' "$1" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
DEADLINE=${DEADLINE:-120}
# shellcheck source=scripts/stack/ask.sh
source scripts/stack/ask.sh

readonly target="app=shop&environment=demo"
begun=$(now)

# Asks the shop from its own container, which publishes no port: shop METHOD PATH
shop() {
  compose --profile demo exec -T shop python3 -c '
import sys, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1:8080" + sys.argv[2], method=sys.argv[1])
try:
    urllib.request.urlopen(request, timeout=5).close()
except urllib.error.HTTPError as error:
    error.close()
' "$1" "$2"
}

end_session() {
  as_operator /api/autolog/disable --header 'Content-Type: application/json' \
    --data '{"app":"shop","environment":"demo","reason":"end of the demo","cooldown_seconds":0}'
}

mend() {
  end_session >/dev/null 2>&1 || true
  compose --profile demo rm --stop --force shop >/dev/null 2>&1 || true
}
trap mend EXIT

orders() { shop GET /orders; }

# The rule counts more than ten failed requests; the shop reports them every five seconds.
alert() {
  orders
  ask_alertmanager "/api/v2/alerts?filter=$(encode 'app="shop"')" | grep RepeatedErrors
}

session() { as_operator "/api/autolog/list?$target" | grep '"source":"alert"'; }

debug_line() {
  orders
  compose --profile demo logs --no-log-prefix --no-color shop | grep -m 1 ' DEBUG shop: '
}

need_tokens
printf 'Breaking the shop; its alert needs eleven failed requests.\n'
compose --profile demo up --detach shop >/dev/null 2>&1 || fail "shop starts" "docker compose --profile demo up shop"
step "shop answers" "docker compose logs shop" orders
step "shop's database is broken" "docker compose logs shop" shop POST "/fail?on=1"
for _ in $(seq 12); do orders; done
step "alert is in Alertmanager" "docker compose logs otel-collector prometheus alertmanager" alert
step "session is open" "docker compose logs alertmanager autolog" session
step "shop has logged at DEBUG" "docker compose logs shop; does it reach http://autolog:5000?" debug_line
printf '\nThe alert:\n  %s\n' "$(ask_alertmanager "/api/v2/alerts?filter=$(encode 'app="shop"')" |
  grep -oE '"summary":"[^"]*"' | head -n 1)"
printf 'The session:\n  %s\n' "$(as_operator "/api/autolog/list?$target" | grep -oE '"expires_in_seconds":[0-9]+|"reason":"[^"]*"|"level":"[a-z]+"' |
  sort -u | paste -sd ' ')"
printf 'The first DEBUG line:\n  %s\n\n' "$(debug_line)"
printf 'All of it in %s s. Mending the shop.\n' "$(since "$begun")"
