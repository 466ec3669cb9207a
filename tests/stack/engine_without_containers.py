#!/usr/bin/env python3
"""Stands in for `docker` where there are no containers: volumes are folders, and services are programs of this machine.

It knows just what scripts/backup.sh and scripts/restore.sh say to an engine. ENGINE_FOLDER holds volumes/, and
services.json: the command of each service. A service that runs has its pid in pids/.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

FOLDER = pathlib.Path(os.environ["ENGINE_FOLDER"])
SERVICES = json.loads((FOLDER / "services.json").read_text())


def volume(name):
    return FOLDER / "volumes" / name


def pid_file(service):
    return FOLDER / "pids" / service


def start(service):
    with (FOLDER / f"{service}.log").open("ab") as log:
        process = subprocess.Popen(SERVICES[service]["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True)
    pid_file(service).write_text(str(process.pid))


def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stop(service):
    pid = int(pid_file(service).read_text())
    os.kill(pid, signal.SIGTERM)
    give_up = time.monotonic() + 20
    while runs(pid):
        if time.monotonic() > give_up:
            sys.exit(f"{service} does not end")
        time.sleep(0.02)
    pid_file(service).unlink()


def compose(verb, *words):
    if verb == "ps":
        print("id" if words[-1:] and pid_file(words[-1]).exists() else "")
    elif verb in ("start", "stop"):
        for service in words:
            {"start": start, "stop": stop}[verb](service)
    elif verb == "exec":
        _, service, *command = words
        for before, after in SERVICES[service]["inside"].items():
            command = [word.replace(before, after) for word in command]
        sys.exit(subprocess.run(command).returncode)
    else:
        sys.exit(f"no compose {verb} here")


def main(verb, *words):
    if verb == "compose":
        compose(*words)
    elif (verb, words[0]) == ("volume", "inspect"):
        sys.exit(not volume(words[1]).is_dir())
    elif (verb, words[0]) == ("volume", "create"):
        volume(words[-1]).mkdir()
    elif verb == "run":
        at = words.index("--volume") + 1
        folder = str(volume(words[at].partition(":")[0]))
        command = [word.replace("/volume", folder) for word in words[at + 2:]]  # after it, the image
        sys.exit(subprocess.run(command, env={"PATH": str(FOLDER / "bin")}).returncode)
    else:
        sys.exit(f"no {verb} here")


main(*sys.argv[1:])
