#!/usr/bin/env bash
# Provides a container engine for the tests of the stack.
#
#   tests/e2e/containers.sh start   start one if none answers; print lines for eval, which say how to reach it
#   tests/e2e/containers.sh stop    end what start started
#   tests/e2e/containers.sh clean   the same, and delete its images, containers and volumes
#
# A Docker engine that answers is used as it is. Without one, podman and runc are installed from the system's packages
# and serve Docker's API on a socket in the cache, with their storage there as well; that needs root. This engine has a
# network of its own, so that ports which it publishes are not in anybody's way: nsenter --net=PATH leads into it. What
# runs there cannot reach the world, and need not.
#
# The lines set ENGINE (docker or podman), COMPOSE (the command), ENGINE_NETWORK (that path), and what both need to find
# the engine.
# podman runs health checks from systemd timers only: where there is no systemd, `podman healthcheck run` does it.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
home=${XDG_CACHE_HOME:-$HOME/.cache}/autolog/containers
run=/run/autolog-containers  # must not outlive a reboot
readonly here home run

say() { printf '%s\n' "containers: $*" >&2; }
die() { say "$*"; exit 1; }

variable() { printf 'export %s=%q\n' "$1" "$2"; }

docker_answers() {
  [[ ${DOCKER_HOST:-} != "unix://$home/engine.sock" ]] &&
    docker compose version >/dev/null 2>&1 && timeout 20 docker info >/dev/null 2>&1
}

# Writes a runc that mounts as Docker has it done, with what is mounted below; podman's own API leaves that out. A process
# without CAP_SYS_RESOURCE may not raise its limits, where runc would fail: then it leaves limits as they are.
write_runtime() {
  cat >"$home/runc-like-docker" <<'WRAPPER'
#!/usr/bin/env python3
import json
import os
import sys

CAP_SYS_RESOURCE = 24


def may_raise_limits():
    with open("/proc/self/status", encoding="ascii") as file:
        capabilities = next(line for line in file if line.startswith("CapEff:"))
    return int(capabilities.split()[1], 16) >> CAP_SYS_RESOURCE & 1


for option, value in zip(sys.argv, sys.argv[1:]):
    bundle = f"{value}/config.json"
    path = {"--bundle": bundle, "-b": bundle, "--process": value, "-p": value}.get(option)
    if not path or not os.path.exists(path):
        continue
    with open(path, encoding="utf-8") as file:
        settings = json.load(file)
    for mount in settings.get("mounts", []):
        if mount.get("type") == "bind":
            mount["options"] = ["rbind" if word == "bind" else word for word in mount["options"]]
    if not may_raise_limits():
        settings.get("process", settings).pop("rlimits", None)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(settings, file)
os.execvp("runc", ["runc", *sys.argv[1:]])
WRAPPER
  chmod 755 "$home/runc-like-docker"
}

write_settings() {
  write_runtime
  cat >"$home/containers.conf" <<SETTINGS
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
exit_command_delay = 10
runtime = "chosen"
tmp_dir = "$run/libpod"
[engine.runtimes]
chosen = ["$home/runc-like-docker"]
[network]
network_backend = "netavark"
network_config_dir = "$home/networks"
SETTINGS
  cat >"$home/storage.conf" <<SETTINGS
[storage]
driver = "overlay"
graphroot = "$home/storage"
runroot = "$run"
SETTINGS
}

ours() { [[ -S $home/engine.sock ]] && kill -0 "$(cat "$home/engine.pid" 2>/dev/null)" 2>/dev/null; }

start_podman() {
  ((EUID == 0)) || die "no Docker engine answers, and podman needs root here"
  "$here/../../scripts/tools.sh" podman >/dev/null
  mkdir -p "$home"
  write_settings
  export CONTAINERS_CONF=$home/containers.conf CONTAINERS_STORAGE_CONF=$home/storage.conf
  ours && return
  rm -f "$home/engine.sock"
  # shellcheck disable=SC2016  # the variable is the inner shell's
  setsid unshare --net sh -c 'ip link set lo up && exec podman system service --time=0 "unix://$1"' - \
    "$home/engine.sock" </dev/null >"$home/engine.log" 2>&1 &
  printf '%s\n' $! >"$home/engine.pid"
  for _ in $(seq 100); do
    ours && podman --remote --url "unix://$home/engine.sock" version >/dev/null 2>&1 && return
    sleep 0.1
  done
  die "podman does not answer: $(tail -n 5 "$home/engine.log")"
}

start() {
  if docker_answers; then
    say "using the Docker engine that answers"
    variable ENGINE docker
    variable COMPOSE "docker compose"
    return
  fi
  ours || variable ENGINE_STARTED yes
  start_podman
  variable ENGINE podman
  variable COMPOSE "$("$here/../../scripts/tools.sh" compose)/docker-compose"
  variable ENGINE_NETWORK "/proc/$(<"$home/engine.pid")/ns/net"
  variable DOCKER_HOST "unix://$home/engine.sock"
  variable CONTAINERS_CONF "$home/containers.conf"
  variable CONTAINERS_STORAGE_CONF "$home/storage.conf"
}

stop() {
  ! ours || kill "$(<"$home/engine.pid")"
  rm -f "$home/engine.sock" "$home/engine.pid"
}

clean() {
  local podman=(env "CONTAINERS_CONF=$home/containers.conf" "CONTAINERS_STORAGE_CONF=$home/storage.conf" podman)
  if [[ -d $home/storage ]]; then
    "${podman[@]}" rm --all --force --volumes --time 2 >/dev/null
    "${podman[@]}" network prune --force >/dev/null
  fi
  stop
  rm -rf "$home" "$run"
}

case ${1:-} in
  start | stop | clean) "$1" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
