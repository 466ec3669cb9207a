#!/usr/bin/env bash
# Backs up the stack: scripts/backup.sh [--to FOLDER] [TIER…]
#
#   config      .env and the secrets: what nobody can make again
#   state       sessions (Redis), dashboards and users (Grafana), silences (Alertmanager), certificates (Caddy)
#   telemetry   metrics (Prometheus), logs (Loki), traces (Tempo)
#
# Without a tier, all three. Makes one folder, FOLDER/autolog-<UTC time> (FOLDER is ./backups), of archives, a MANIFEST
# that says when, where and of which images they were made, and SHA256SUMS of all of it; the folder has that name only
# when it is whole. Metrics are copied while they are
# written, by a snapshot of Prometheus's own; whatever else is copied is stopped for as long as that takes, a few
# seconds for the state: polls are answered meanwhile, senders of alerts and of telemetry try again.
#
# The archives hold secrets and are readable to their owner alone. Encrypt them before they leave the machine:
#   tar -C backups -c autolog-20261126T101500Z | age -r age1… >backup.tar.age
# Put them back with scripts/restore.sh. Environment: ENGINE, the container engine ("docker"); COMPOSE, the
# command of Compose ("docker compose").
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/stack/volumes.sh
source scripts/stack/volumes.sh

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

to=./backups tiers=()
while (($#)); do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --to) to=${2:?--to needs a folder}; shift ;;
    config | state | telemetry) tiers+=("$1") ;;
    *) die "unknown argument $1; try --help" ;;
  esac
  shift
done
((${#tiers[@]})) || tiers=(config state telemetry)

umask 077
name=autolog-$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$to"
aside=$(mktemp -d "$to/.$name.XXXXXX")
stopped=()

# Whatever happens, what was stopped is started again, and half a backup is no backup.
cleanup() {
  ((${#stopped[@]} == 0)) || compose start "${stopped[@]}" >/dev/null 2>&1 || true
  rm -rf "$aside"
}
trap cleanup EXIT

# Archives a volume while its service is stopped: cold SERVICE VOLUME
cold() {
  local service=$1 volume=$2
  if ! has_volume "$volume"; then
    say "left out $volume, which does not exist"
    return
  fi
  if is_running "$service"; then
    stopped=("$service")
    compose stop "$service" >/dev/null 2>&1
  fi
  pack "$volume" . >"$aside/$volume.tar.gz"
  if ((${#stopped[@]})); then compose start "$service" >/dev/null 2>&1; fi
  stopped=()
  say "archived $volume ($(size "$aside/$volume.tar.gz"))"
}

config() {
  local secrets
  secrets=$(secrets_folder)
  [[ -d $secrets ]] || die "there is no folder $secrets; nothing to back up before scripts/setup.sh"
  tar -czf "$aside/secrets.tar.gz" -C "$secrets" .
  [[ ! -e .env ]] || cp .env "$aside/env"
  say "archived .env and $secrets"
}

state() {
  cold redis redis-data
  cold grafana grafana-data
  cold alertmanager alertmanager-data
  cold caddy caddy-data
}

# A copy of a database that is being written is none: Prometheus makes one of its own, of links to what does not change.
metrics() {
  local answer snapshot
  is_running prometheus || { cold prometheus prometheus-data; return; }
  answer=$(in_prometheus wget -q -O - --post-data= http://127.0.0.1:9090/api/v1/admin/tsdb/snapshot)
  snapshot=$(sed -nE 's/.*"name":"([^"]+)".*/\1/p' <<<"$answer")
  [[ $snapshot =~ ^[0-9TZ]+-[0-9a-f]+$ ]] || die "Prometheus made no snapshot: $answer"
  pack prometheus-data "snapshots/$snapshot" >"$aside/prometheus-data.tar.gz"
  in_prometheus rm -r "/prometheus/snapshots/$snapshot"
  say "archived prometheus-data ($(size "$aside/prometheus-data.tar.gz"))"
}

telemetry() {
  metrics
  cold loki loki-data
  cold tempo tempo-data
}

manifest() {
  printf 'made %s\nhost %s\nrevision %s\n' "${name#autolog-}" "$(uname -n)" \
    "$(git rev-parse HEAD 2>/dev/null || echo unknown)"
  printf 'tier %s\n' "${tiers[@]}"
  sed -nE 's/^ *image: *([^ ]+).*$/image \1/p' docker-compose.yml
}

[[ ${tiers[*]} == config ]] || need_engine
for tier in "${tiers[@]}"; do "$tier"; done
manifest >"$aside/MANIFEST"
(cd "$aside" && sha256sum -- * >.sums && mv .sums SHA256SUMS)
mv -T "$aside" "$to/$name"
say "done: $to/$name"
