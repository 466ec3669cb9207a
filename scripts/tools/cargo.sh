# shellcheck shell=bash
# Programs built with cargo. Sourced by scripts/tools.sh.
: "${tools:?}"

readonly DENY_VERSION=0.20.2 FUZZ_VERSION=0.13.2 EDGE_VERSION=19.15.1

# Builds a cargo command unless that version is there: cargo_tool NAME VERSION
cargo_tool() {
  local name=cargo-$1 version=$2
  if [[ $("$tools/bin/$name" "$1" --version 2>/dev/null) != "$name $version" ]]; then
    need cargo
    say "building $name $version (some minutes)"
    cargo install --quiet --locked "$name@$version" --root "$tools" >&2
  fi
  printf '%s\n' "$tools/bin"
}

deny() { cargo_tool deny "$DENY_VERSION"; }

fuzz() { cargo_tool fuzz "$FUZZ_VERSION"; }

# A feature-flag proxy, which the benchmarks can measure beside the service.
unleash_edge() {
  if [[ $("$tools/bin/unleash-edge" --version 2>/dev/null) != "unleash-edge $EDGE_VERSION" ]]; then
    need cargo
    say "building unleash-edge $EDGE_VERSION (some ten minutes)"
    cargo install --quiet --locked --no-default-features "unleash-edge@$EDGE_VERSION" --root "$tools" >&2
  fi
  printf '%s\n' "$tools/bin"
}
