#!/usr/bin/env bash
# Puts a backup back: scripts/restore.sh [--force] FOLDER [TIER…]
#
# FOLDER is what scripts/backup.sh made; a TIER is config, state or telemetry, by default all that FOLDER has. First
# everything in FOLDER is compared with its sums. Then services that use what is restored are stopped, volumes are
# replaced, and the services that ran are started again. Without --force nothing is replaced that is not empty: a new
# machine needs no --force.
#
# Sessions are restored with their original ends: one that would have ended meanwhile is not live again. What was
# disabled after the backup was made is live again until its end: `autolog disable --all` ends it.
# Environment: ENGINE, the container engine ("docker"); COMPOSE, the command of Compose ("docker compose").
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/stack/volumes.sh
source scripts/stack/volumes.sh

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

force='' folder='' tiers=()
while (($#)); do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --force) force=yes ;;
    -*) die "unknown option $1; try --help" ;;
    config | state | telemetry) [[ -n $folder ]] || die "name the folder first; try --help"; tiers+=("$1") ;;
    *) [[ -z $folder ]] || die "unknown argument $1; try --help"; folder=$1 ;;
  esac
  shift
done
[[ -n $folder ]] || { usage >&2; exit 2; }
[[ -r $folder/SHA256SUMS && -r $folder/MANIFEST ]] || die "$folder is not a backup of scripts/backup.sh"
(cd "$folder" && sha256sum --check --strict --quiet SHA256SUMS) || die "$folder is damaged; nothing was restored"
mapfile -t has < <(sed -n 's/^tier //p' "$folder/MANIFEST")
((${#tiers[@]})) || tiers=("${has[@]}")
for tier in "${tiers[@]}"; do
  [[ " ${has[*]} " == *" $tier "* ]] || die "$folder has no tier $tier"
done

umask 077
declare -A services=([redis-data]=redis [grafana-data]=grafana [alertmanager-data]=alertmanager [caddy-data]=caddy
  [prometheus-data]=prometheus [loki-data]=loki [tempo-data]=tempo)
volumes=()
for tier in "${tiers[@]}"; do
  case $tier in
    config) ;;
    state) volumes+=(redis-data grafana-data alertmanager-data caddy-data) ;;
    telemetry) volumes+=(prometheus-data loki-data tempo-data) ;;
  esac
done

# Everything is looked at before anything is changed.
check_config() {
  local secrets
  secrets=$(secrets_folder)
  [[ -z $(ls -A "$secrets" 2>/dev/null) && ! -e .env ]] || die ".env or $secrets is there already; --force replaces them"
}

config() {
  local secrets
  [[ ! -e $folder/env ]] || install -m 600 "$folder/env" .env
  secrets=$(secrets_folder)
  mkdir -p "$secrets"
  chmod 700 "$secrets"
  find "$secrets" -mindepth 1 -maxdepth 1 -type f -delete
  tar -xzpf "$folder/secrets.tar.gz" -C "$secrets"
  say "restored .env and $secrets"
}

[[ ${tiers[*]} == config ]] || need_engine
if [[ -z $force ]]; then
  [[ " ${tiers[*]} " != *" config "* ]] || check_config
  for volume in "${volumes[@]}"; do
    [[ ! -e $folder/$volume.tar.gz ]] || ! has_volume "$volume" || is_empty "$volume" ||
      die "the volume $volume is not empty; --force replaces it"
  done
fi

[[ " ${tiers[*]} " != *" config "* ]] || { config; open_mounts >/dev/null; }
stopped=()
trap '((${#stopped[@]} == 0)) || say "failed, and left stopped: ${stopped[*]}" >&2' EXIT
for volume in "${volumes[@]}"; do
  service=${services[$volume]}
  if [[ ! -e $folder/$volume.tar.gz ]]; then
    say "left $volume alone, which is not in the backup"
    continue
  fi
  if is_running "$service"; then
    stopped+=("$service")
    compose stop "$service" >/dev/null 2>&1
  fi
  make_volume "$volume"
  unpack "$volume" <"$folder/$volume.tar.gz"
  say "restored $volume"
done
((${#stopped[@]} == 0)) || compose start "${stopped[@]}" >/dev/null 2>&1
again=${stopped[*]}
stopped=()
say "done${again:+; started again: $again}; what does not run yet: docker compose up -d"
