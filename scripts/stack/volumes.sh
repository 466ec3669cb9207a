# shellcheck shell=bash
# What backup.sh and restore.sh share: the volumes of the stack, and who uses them.
# shellcheck source=scripts/stack/settings.sh
source scripts/stack/settings.sh

# The name in docker-compose.yml, or another one as for Compose; the engine prefixes volumes with it.
project=$(setting COMPOSE_PROJECT_NAME autolog)
readonly project
engine=${ENGINE:-docker}
read -ra compose_command <<<"${COMPOSE:-$engine compose}"

say() { printf '%s\n' "${0##*/}: $*"; }
die() { printf '%s\n' "${0##*/}: $*" >&2; exit 1; }

compose() { "${compose_command[@]}" "$@"; }

is_running() { [[ -n $(compose ps --quiet --status running "$1" 2>/dev/null) ]]; }

in_prometheus() { compose exec -T prometheus "$@"; }

# An engine that does not answer must not be taken for one that has no volumes.
need_engine() { compose ps --quiet >/dev/null || die "the container engine does not answer; nothing was done"; }

has_volume() { "$engine" volume inspect "${project}_$1" >/dev/null 2>&1; }

# Makes a volume as Compose would, which otherwise would take it for somebody else's.
make_volume() {
  has_volume "$1" || "$engine" volume create --label "com.docker.compose.project=$project" \
    --label "com.docker.compose.volume=$1" "${project}_$1" >/dev/null
}

# Runs a command in a container that sees one volume at /volume, with an image that the stack has anyway:
# with_volume VOLUME COMMAND…
with_volume() {
  local volume=$1 image
  shift
  image=$(sed -nE 's/^ *image: *(redis:.*)$/\1/p' docker-compose.yml)
  "$engine" run --rm --interactive --network none --user 0:0 --entrypoint '' --volume "${project}_$volume:/volume" \
    "$image" "$@"
}

# Writes an archive of a folder of a volume to standard output: pack VOLUME FOLDER
pack() { with_volume "$1" tar -C "/volume/$2" --numeric-owner -cz .; }

# Replaces a volume by an archive from standard input.
unpack() { with_volume "$1" sh -c 'find /volume -mindepth 1 -maxdepth 1 -exec rm -rf {} + && tar -C /volume --numeric-owner -xz'; }

is_empty() { [[ -z $(with_volume "$1" find /volume -mindepth 1 -print) ]]; }

size() { du -h "$1" | cut -f 1; }
