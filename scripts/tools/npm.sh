# shellcheck shell=bash
# Parsers that npm serves. Sourced by scripts/tools.sh.
: "${tools:?}"

# The grammar of LogQL is under Apache-2.0 (the program that evaluates it, Loki, is not).
readonly LOGQL_PACKAGES=(@grafana/lezer-logql@0.4.2 @lezer/lr@1.4.10 @lezer/common@1.5.5 yaml@2.8.1)

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
