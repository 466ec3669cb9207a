# shellcheck shell=bash
# What smoke-test.sh and demo.sh share: where the parts of the running stack are, how to ask them, and how to wait.

# shellcheck source=scripts/stack/settings.sh
source scripts/stack/settings.sh

here=$(setting BIND_ADDRESS 127.0.0.1)
secrets=$(secrets_folder)
loki=${LOKI_URL:-http://$here:3100}
autolog=${AUTOLOG_URL:-http://$here:5000}
deadline=${DEADLINE:-90}
operator_file=$secrets/autolog_operator_tokens
app_file=$secrets/autolog_app_tokens
read -ra compose_command <<<"${COMPOSE:-docker compose}"

get() { curl --silent --show-error --fail --max-time 5 "$@"; }

compose() { "${compose_command[@]}" "$@"; }

# Asks a program that publishes no port, from the container of Prometheus: inside URL
inside() { compose exec -T prometheus wget -q -T 5 -O - "$1"; }

ask_loki() { get "$loki$1"; }
ask_tempo() { if [[ -n ${TEMPO_URL:-} ]]; then get "$TEMPO_URL$1"; else inside "http://tempo:3200$1"; fi; }
ask_prometheus() { if [[ -n ${PROMETHEUS_URL:-} ]]; then get "$PROMETHEUS_URL$1"; else inside "http://prometheus:9090$1"; fi; }
ask_alertmanager() { if [[ -n ${ALERTMANAGER_URL:-} ]]; then get "$ALERTMANAGER_URL$1"; else inside "http://alertmanager:9093$1"; fi; }

# Presents a token from standard input: bearer CURL-ARGUMENT…
# The header goes through a pipe, since everybody on the machine may read arguments.
bearer() { get --header @<(sed -n 's/\r$//; /./{s/^/Authorization: Bearer /p;q;}') "$@"; }

# as_operator PATH CURL-ARGUMENT…: the first line is name:token, the token of any characters
as_operator() { sed 's/^[^:]*://' "$operator_file" | bearer "${@:2}" "$autolog$1"; }
as_app() { bearer "${@:2}" "$autolog$1" <"$app_file"; }

# Escapes a text for a query string.
encode() {
  local text=$1 i character
  for ((i = 0; i < ${#text}; i++)); do
    character=${text:i:1}
    case $character in
      [A-Za-z0-9._~-]) printf '%s' "$character" ;;
      *) printf '%%%02X' "'$character" ;;
    esac
  done
}

# Prints microseconds of the clock.
now() { printf '%s\n' "${EPOCHREALTIME/[^0-9]/}"; }

# Prints the seconds since an instant of `now`.
since() {
  local elapsed=$((($(now) - $1) / 1000))
  printf '%d.%03d\n' $((elapsed / 1000)) $((elapsed % 1000))
}

fail() {
  printf 'FAIL  %-46s %s\n' "$1" "$2" >&2
  exit 1
}

# Repeats a command until it succeeds, and prints how long it took: step WHAT HINT COMMAND…
step() {
  local what=$1 hint=$2 started
  shift 2
  started=$(now)
  until "$@" >/dev/null 2>&1; do
    (($(now) - started < deadline * 1000000)) || fail "$what" "not within $deadline s; $hint"
    sleep 0.5
  done
  printf 'ok    %-46s %8s s\n' "$what" "$(since "$started")"
}

need_tokens() {
  local file
  for file in "$operator_file" "$app_file"; do
    [[ -r $file ]] || fail "tokens" "$file cannot be read; run scripts/setup.sh"
  done
}
