"""The container engine that tests/e2e/containers.sh provides, and a Compose project in it."""
import ctypes
import json
import os
import pathlib
import shlex
import subprocess

from programs import Failure

CLONE_NEWNET = 0x40000000  # linux/sched.h
HERE = pathlib.Path(__file__).resolve().parent


class Engine:
    """Docker or podman, by its command-line client."""

    def __init__(self):
        lines = output([HERE / "containers.sh", "start"], timeout=300)
        exported = (shlex.split(line.removeprefix("export "))[0] for line in lines.splitlines())
        self.env = {**os.environ, **dict(variable.split("=", 1) for variable in exported)}
        self.name = self.env["ENGINE"]

    def has_own_network(self):
        return "ENGINE_NETWORK" in self.env

    def enter_network(self):
        """Moves this process, and what it starts from now on, into the network of an engine that has one of its own."""
        if self.has_own_network():
            network = self.env["ENGINE_NETWORK"]
            with open(network, "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                    raise Failure(f"cannot enter {network}: {os.strerror(ctypes.get_errno())}")

    def stop(self):
        """Ends the engine if it was started for us."""
        if self.env.get("ENGINE_STARTED"):
            output([HERE / "containers.sh", "stop"], timeout=60)

    def run(self, *words, timeout=60, check=True, **more):
        """Runs one command of the engine and returns its standard output."""
        return output([self.name, *words], env=self.env, timeout=timeout, check=check, **more)

    def label(self, image, name):
        """Returns a label of a local image, or None."""
        found = self.run("image", "inspect", image, "--format", "{{json .Config.Labels}}", check=False)
        return (json.loads(found) or {}).get(name) if found.strip() else None

    def has_image(self, image):
        return bool(self.run("image", "inspect", image, "--format", "{{.Id}}", check=False).strip())

    def pull(self, image):
        """Tells whether a registry gave the image. podman is there where there is no registry: it does not ask."""
        return self.name == "docker" and succeeds(["docker", "pull", "--quiet", image], self.env, timeout=600)

    def import_image(self, archive, image, instructions):
        changes = [word for instruction in instructions for word in ("--change", instruction)]
        self.run("import", *changes, str(archive), image, timeout=300)

    def inspect(self, container):
        return json.loads(self.run("inspect", container))[0]

    def healthy(self, container):
        """Tells whether a container's own health check passes; asks for it where the engine does not run it itself."""
        if self.name == "podman":
            return succeeds(["podman", "healthcheck", "run", container], self.env, timeout=20)
        return self.inspect(container)["State"].get("Health", {}).get("Status") == "healthy"

    def logs(self, container):
        """Returns both streams of a container's log."""
        return self.run("logs", container, check=False, stderr=subprocess.STDOUT)

    def memory(self, container):
        """Returns the bytes that the processes of a container use, without the kernel's cache of files."""
        group = f"/proc/{self.inspect(container)['State']['Pid']}/cgroup"
        lines = [line.split(":", 2) for line in pathlib.Path(group).read_text(encoding="ascii").splitlines()]
        for _, controllers, path in lines:
            if "memory" in controllers.split(","):
                stat = pathlib.Path(f"/sys/fs/cgroup/memory{path}/memory.stat").read_text(encoding="ascii")
                return int(dict(line.split() for line in stat.splitlines())["total_rss"])
        stat = pathlib.Path(f"/sys/fs/cgroup{lines[0][2]}/memory.stat").read_text(encoding="ascii")
        return int(dict(line.split() for line in stat.splitlines())["anon"])


class Project:
    """The stack under its compose file, in a clean copy of the tree and under a name of its own."""

    def __init__(self, engine, folder, name):
        self.engine, self.folder, self.name = engine, folder, name
        self.env = {name: value for name, value in engine.env.items() if not name.startswith("COMPOSE_")}
        self.env["COMPOSE_PROJECT_NAME"] = name
        self.containers = {}

    def compose(self, *words, timeout=120, **more):
        return output([*self.engine.env["COMPOSE"].split(), *words], cwd=self.folder, env=self.env,
                      timeout=timeout, **more)

    def script(self, name, *words, timeout=60, fails=False, **variables):
        """Runs one of the tree's scripts and returns what it says."""
        env = {**self.env, **variables}
        return output([f"./scripts/{name}", *words], cwd=self.folder, env=env, timeout=timeout, fails=fails,
                      stderr=subprocess.STDOUT)

    def builds(self, service):
        """Tells whether the image of a service can be built as the compose file says."""
        return succeeds([*self.engine.env["COMPOSE"].split(), "build", "--quiet", service], self.env, timeout=900,
                        cwd=self.folder)

    def config(self):
        """Returns the compose file as Compose reads it, all profiles included."""
        return json.loads(self.compose("--profile", "*", "config", "--format", "json"))

    def create_network(self, services):
        self.compose("--profile", "*", "create", "--no-build", *services, timeout=180)

    def up(self, services):
        self.compose("--profile", "*", "up", "--detach", "--no-build", *services, timeout=180)
        self.containers = {}

    def down(self, *words):
        self.compose("--profile", "*", "down", *words, timeout=180)
        self.containers = {}

    def container(self, service):
        """Returns the id of a service's container."""
        if service not in self.containers:
            found = self.compose("ps", "--all", "--quiet", service).split()
            if len(found) != 1:
                raise Failure(f"{service} has {len(found)} containers")
            self.containers[service] = found[0]
        return self.containers[service]


def output(command, timeout, check=True, fails=False, stderr=subprocess.PIPE, **more):
    """Runs a command, which may be meant to fail, and returns its standard output."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
                              errors="replace", timeout=timeout, check=False, **more)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{shlex.join(words[:6])} takes more than {timeout} s") from error
    if check and bool(done.returncode) != fails:
        said = (done.stderr or done.stdout)[-2000:]
        raise Failure(f"{shlex.join(words[:6])} … ends with {done.returncode}: {said}")
    return done.stdout


def succeeds(command, env, timeout, cwd=None):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=timeout, cwd=cwd,
                              check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
