# shellcheck shell=bash
# Programs built with cargo. Sourced by scripts/tools.sh.
: "${tools:?}"

readonly DENY_VERSION=0.20.2 FUZZ_VERSION=0.13.2 EDGE_VERSION=19.15.1 SWAGGER_VERSION=0.1.2

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

# A feature-flag proxy, which the benchmarks can measure beside the service. It would fetch its web pages from elsewhere
# while it is built: they are taken from the registry instead.
unleash_edge() {
  local folder=$tools/unleash-edge-$EDGE_VERSION
  if [[ ! -x $folder/bin/unleash-edge ]]; then
    need cargo
    say "building unleash-edge $EDGE_VERSION (some ten minutes)"
    SWAGGER_UI_DOWNLOAD_URL="file://$(swagger_ui)" \
      cargo install --quiet --locked --no-default-features "unleash-edge@$EDGE_VERSION" --root "$folder" >&2
  fi
  printf '%s\n' "$folder/bin"
}

swagger_ui() {
  local folder=$tools/.new.swagger-ui
  mkdir -p "$folder/src"
  printf '[package]\nname = "fetch"\nedition = "2024"\n[dependencies]\nutoipa-swagger-ui-vendored = "=%s"\n' \
    "$SWAGGER_VERSION" >"$folder/Cargo.toml"
  touch "$folder/src/lib.rs"
  cargo fetch --quiet --manifest-path "$folder/Cargo.toml" >&2
  printf '%s\n' "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"utoipa-swagger-ui-vendored-$SWAGGER_VERSION"/res/*.zip
}
