# shellcheck shell=bash
# Programs built with cargo. Sourced by scripts/tools.sh.
: "${tools:?}"

readonly DENY_VERSION=0.20.2

deny() {
  if [[ $("$tools/bin/cargo-deny" --version 2>/dev/null) != "cargo-deny $DENY_VERSION" ]]; then
    need cargo
    say "building cargo-deny $DENY_VERSION (some minutes)"
    cargo install --quiet --locked "cargo-deny@$DENY_VERSION" --root "$tools" >&2
    prove "$tools/bin" cargo-deny
  fi
  printf '%s\n' "$tools/bin"
}
