# shellcheck shell=bash
# Programs built from Go modules, in the very versions of docker-compose.yml. Sourced by scripts/tools.sh.
: "${tools:?}" "${here:?}"

readonly PROMETHEUS_VERSION=3.14.0

# Prometheus 3.14.0 is 0.314.0 among Go's modules.
fill_prometheus() {
  local folder=$1 minor
  minor=$(printf '%d%02d' "${PROMETHEUS_VERSION%%.*}" "$(cut -d . -f 2 <<<"$PROMETHEUS_VERSION")")
  mkdir "$folder/module"
  say "building Prometheus $PROMETHEUS_VERSION; this takes minutes"
  {
    go -C "$folder/module" mod init tools
    go -C "$folder/module" mod edit -replace cloud.google.com/go=cloud.google.com/go@v0.123.0  # as its own go.mod has it
    go -C "$folder/module" get "github.com/prometheus/prometheus/cmd/"{prometheus,promtool}"@v0.$minor.${PROMETHEUS_VERSION##*.}"
    # Without what discovers targets in clouds, it takes a third of the time. The pages of its interface are not in it.
    go -C "$folder/module" build -trimpath -tags remove_all_sd,enable_dns_sd -o "$folder/" \
      -ldflags "-s -w -X github.com/prometheus/common/version.Version=$PROMETHEUS_VERSION" \
      github.com/prometheus/prometheus/cmd/prometheus github.com/prometheus/prometheus/cmd/promtool
  } >&2
  rm -r "$folder/module"
  prove "$folder" prometheus promtool
}

prometheus() {
  need go "1.26 or newer"
  build "prometheus-$PROMETHEUS_VERSION" fill_prometheus
  printf '%s\n' "$tools/prometheus-$PROMETHEUS_VERSION"
}

# Runs Go as it is installed: what a module asks for may not be served.
golang() { GOTOOLCHAIN=local GOWORK=off nice go "$@"; }

fill_collector() {
  local folder=$1 manifest=$here/tools/collector.yaml version
  version=$(sed -n 's/^  version: //p' "$manifest")
  say "building the collector $version; this takes minutes"
  {
    (cd "$folder" && golang run "go.opentelemetry.io/collector/cmd/builder@v$version" --config="$manifest" --skip-compilation)
    golang -C "$folder/module" build -trimpath -ldflags="-s -w" -o "$folder/otelcol-contrib" .
  } >&2
  rm -r "$folder/module"
  cp "$manifest" "$folder/manifest"
  prove "$folder" otelcol-contrib
}

collector() {
  cmp -s "$here/tools/collector.yaml" "$tools/collector/manifest" || rm -rf "$tools/collector"
  [[ -d $tools/collector ]] || need go "1.25 or newer, from go.dev or as the package golang-go of a newer Debian"
  build collector fill_collector
  printf '%s\n' "$tools/collector"
}
