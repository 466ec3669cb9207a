# shellcheck shell=bash
# Programs that the machine itself gets, from its own packages. Sourced by scripts/tools.sh.

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
readonly INSTALL='
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap "rm -f $policy" EXIT
  printf "#!/bin/sh\nexit 101\n" >"$policy"
  chmod 755 "$policy"
fi
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@"'

redis() {
  local version
  if ! command -v redis-server >/dev/null; then
    need apt-get "or install redis-server 7 or newer yourself"
    as_root redis-server sh -c "$INSTALL" - redis-server >&2
    prove /usr/bin redis-server
  fi
  version=$(redis-server --version | sed -nE 's/.* v=([0-9]+).*/\1/p')
  ((version >= 7)) || die "redis-server $version is too old; 7 or newer is needed"
  dirname "$(command -v redis-server)"
}

readonly PODMAN_PACKAGES=(podman runc netavark aardvark-dns iptables iproute2)

podman() {
  local package missing=()
  for package in "${PODMAN_PACKAGES[@]}"; do
    dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  if ((${#missing[@]})); then
    need apt-get "or install ${missing[*]} yourself"
    say "installing ${missing[*]}"
    as_root "${missing[*]}" sh -c "$INSTALL" - "${missing[@]}" >&2
  fi
  dirname "$(type -P podman)"
}
