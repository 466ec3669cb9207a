# shellcheck shell=bash
# Parsers that npm serves. Sourced by scripts/tools.sh.
: "${tools:?}"

# The grammars of LogQL and TraceQL are under Apache-2.0 (the programs that evaluate them, Loki and Tempo, are not).
readonly LOGQL_PACKAGES=(
  @grafana/lezer-logql@0.4.2 @grafana/lezer-traceql@1.0.0 @lezer/lr@1.4.10 @lezer/common@1.5.5 yaml@2.8.1
)

fill_logql() {
  need npm
  say "fetching ${LOGQL_PACKAGES[*]}"
  printf '{"private": true}\n' >"$1/package.json"
  npm install --prefix "$1" --save-exact --ignore-scripts --no-fund --no-audit "${LOGQL_PACKAGES[@]}" >&2
  printf '%s\n' "${LOGQL_PACKAGES[*]}" >"$1/packages"
}

logql() {
  [[ $(cat "$tools/logql/packages" 2>/dev/null) == "${LOGQL_PACKAGES[*]}" ]] || rm -rf "$tools/logql"
  build logql fill_logql
  printf '%s\n' "$tools/logql"
}
