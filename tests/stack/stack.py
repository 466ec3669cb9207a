"""What the tests of the stack share: the compose file as Compose reads it, and what is known of its images."""
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

# The image of each service, the user that its program runs as, and the programs in it that a healthcheck may call. The
# images of the collector and of redis_exporter are made FROM scratch, those of Loki and Tempo from distroless: there is
# no shell in them. That of Alloy has a bash and no wget.
IMAGES = {
    "autolog": ("autolog:0.1.0", 65532, {"/usr/local/bin/autolog"}),
    "redis": ("redis:8.10.1-alpine", 999, {"sh", "redis-cli", "grep"}),
    "otel-collector": ("otel/opentelemetry-collector-contrib:0.159.0", 10001, set()),
    "prometheus": ("prom/prometheus:v3.14.0", 65534, {"promtool"}),
    "loki": ("grafana/loki:3.7.6", 10001, {"/usr/bin/loki"}),
    "tempo": ("grafana/tempo:3.0.3", 10001, {"/tempo"}),
    "grafana": ("grafana/grafana:13.2.0", 472, {"sh", "wget"}),
    "alertmanager": ("prom/alertmanager:v0.34.0", 65534, {"sh", "wget"}),
    "alloy": ("grafana/alloy:v1.18.1", 0, {"bash", "printf", "grep"}),
    "node-exporter": ("prom/node-exporter:v1.12.1", 65534, {"sh", "wget"}),
    "redis-exporter": ("oliver006/redis_exporter:v1.88.0", 59000, set()),
    "shop": ("python:3.13.5-alpine", 65534, {"python3", "sh", "wget"}),
    "caddy": ("caddy:2.11.4-alpine", 0, {"sh", "wget"}),
}


def files(*patterns):
    """Returns the paths of the tracked files that match."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return listed.stdout.splitlines()


@functools.cache
def tool(verb, program):
    """Returns the path of a real program, fetched by scripts/tools.sh if need be."""
    fetched = subprocess.run([ROOT / "scripts" / "tools.sh", verb], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(fetched.stdout.strip()) / program


def scratch_folder(name, add_cleanup):
    """Returns a new folder, which `add_cleanup` of a test or of its class gets to remove."""
    scratch = tempfile.TemporaryDirectory(prefix=f"autolog-{name}-")
    add_cleanup(scratch.cleanup)
    return pathlib.Path(scratch.name)


def compose(*arguments, settings="/dev/null"):
    """Runs docker-compose on the compose file with a file of settings, and with no variable of this environment."""
    return subprocess.run(
        [tool("compose", "docker-compose"), "--project-directory", ROOT, "--env-file", settings, "--profile", "*",
         *arguments],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)


@functools.cache
def services(settings="/dev/null"):
    """Returns the services of the compose file, by name, as Compose understands them."""
    return json.loads(compose("config", "--format", "json", settings=settings).stdout)["services"]


def environment(service, settings="/dev/null"):
    """Returns the variables that a service gets; Compose prints each $ twice."""
    return {name: value.replace("$$", "$")
            for name, value in services(str(settings))[service].get("environment", {}).items()}


def set_up(folder, **variables):
    """Runs scripts/setup.sh in a copy of what it reads, and returns its output."""
    done = try_to_set_up(folder, **variables)
    if done.returncode:
        raise AssertionError(f"setup.sh ends with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def try_to_set_up(folder, **variables):
    """Runs scripts/setup.sh in the same way, though it may fail, and returns what came of it."""
    for path in ("scripts/setup.sh", "scripts/stack/settings.sh", ".env.example", "docker-compose.yml",
                 "stack/redis/users.acl"):
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy)
    return subprocess.run(
        [folder / "scripts" / "setup.sh"], env={"PATH": os.environ["PATH"], **variables}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)


def read(path):
    """Returns the text of a file of the tree."""
    return (ROOT / path).read_text()


def parsed(path):
    """Returns the content of a YAML file, read by the parser that yamllint brings."""
    script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    done = subprocess.run([tool("lint", "python3"), "-c", script], input=read(path), stdout=subprocess.PIPE, check=True,
                          text=True)
    return json.loads(done.stdout)
