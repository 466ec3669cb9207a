# shellcheck shell=bash
# Programs from Debian packages of another release, unpacked and not installed. Sourced by scripts/tools.sh.
: "${tools:?}"

readonly STACK_PACKAGES=(prometheus promtool prometheus-alertmanager)
readonly STACK_OLD_PACKAGES=(prometheus prometheus-alertmanager)

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

# A load generator, with the library it needs beside it.
fill_wrk() {
  local folder=$1 version
  refresh bookworm
  unpack bookworm "$folder" wrk libluajit-5.1-2
  mkdir "$folder/bin"
  cat >"$folder/bin/wrk" <<'WRAPPER'
#!/bin/sh
root=$(dirname "$(dirname "$(readlink -f "$0")")")
LD_LIBRARY_PATH=$(echo "$root"/usr/lib/*-linux-gnu) exec "$root/usr/bin/wrk" "$@"
WRAPPER
  chmod 755 "$folder/bin/wrk"
  version=$("$folder/bin/wrk" --version 2>&1 || true)  # which it calls a failure
  [[ $version == wrk* ]] || die "wrk does not start here: $version"
}

wrk() {
  build wrk fill_wrk
  printf '%s\n' "$tools/wrk/bin"
}

# Fetches one package whose programs run anywhere, since they need no newer libc: fill_one PACKAGE PROGRAM… FOLDER
fill_one() {
  local folder=${!#}
  refresh sid
  unpack sid "$folder" "$1"
  prove "$folder/usr/bin" "${@:2:$#-2}"
}

caddy() {
  build caddy fill_one caddy caddy
  printf '%s\n' "$tools/caddy/usr/bin"
}

# A certificate authority for tests.
pebble() {
  build pebble fill_one pebble pebble
  printf '%s\n' "$tools/pebble/usr/bin"
}

compose() {
  build compose fill_one docker-compose docker-compose
  printf '%s\n' "$tools/compose/usr/bin"
}

node_exporter() {
  build node-exporter fill_one prometheus-node-exporter prometheus-node-exporter
  printf '%s\n' "$tools/node-exporter/usr/bin"
}

redis_exporter() {
  build redis-exporter fill_one prometheus-redis-exporter prometheus-redis-exporter
  printf '%s\n' "$tools/redis-exporter/usr/bin"
}

# The shell and the awk of the images of Prometheus and Alertmanager.
busybox() {
  build busybox fill_one busybox-static busybox
  printf '%s\n' "$tools/busybox/usr/bin"
}
