"""The steps of a stack's life: from the two commands of a newcomer to its end."""
import os
import shutil
import signal
import textwrap
import time

import images
from programs import call, get_json, until
from stack_doors import guards_the_edge, must_run_confined, publishes, reads_secrets
from stack_signals import asks_exporters, follows_an_alert, takes_telemetry
from stack_stand_in import StandIn
from stack_world import Edge, not_checked
from steps import must, step

API = "http://127.0.0.1:5000"
GIB = 1024 ** 3
NOT_SCRAPED = {"caddy", "redis", "shop"}  # Redis has its exporter, and a shop sends
# Alerts that may fire on a stack of which parts are left out.
MISSING = {"ObservabilityComponentDown", "ObservabilityComponentMissing"}


def prepares(stack):
    """A copy of the tree, the programs and their images."""
    with step("the tree is copied, and the settings and secrets are written"):
        stack.copy_tree()
        wrote = stack.project.script("setup.sh")
        must("dead man's switch" in wrote, f"setup.sh does not tell of the dead man's switch: {wrote}")
        again = stack.project.script("setup.sh")
        must("wrote" not in again, f"setup.sh writes again what is there: {again}")
    with step("images are found or made"):
        stack.find_images()
    needed = {"autolog", "redis", "otel-collector", "prometheus", "alertmanager", "caddy"} & set(stack.left_out)
    must(not needed, f"there is no image of {', '.join(sorted(needed))}, and no program to make one of")
    for service, image in stack.left_out.items():
        variable = images.GIVEN.get(service, ("",))[0]
        not_checked(service, f"{image} cannot be pulled, and its program is not here"
                    + (f"; set {variable}=/path/to/{service}" if variable else ""))
    if stack.stands_in():
        not_checked(f"what {' and '.join(stack.stands_in())} would do",
                    "they are not here; a second collector takes what is sent to them")


def comes_up(stack):
    """docker compose up, and every container passes its own health check."""
    stack.engine.enter_network()
    with step("nothing is left of an earlier run, and the ports are free"):
        stack.remove()
        stack.must_have_free_ports()
    with step("docker compose up -d"):
        stack.up()
    is_healthy(stack)
    with step("each container has restarted never, and runs as the compose file says"):
        for service, settings in stack.here.items():
            must_run_confined(service, settings, stack.inspect(service))


def is_healthy(stack):
    for service, settings in stack.here.items():
        if "healthcheck" in settings:
            with step(f"{service} is healthy"):
                until("its health check passes", lambda: healthy(stack, service), within=120, every=1)
    with step("Prometheus scrapes everything that is here"):
        def targets():
            found = get_json(f"{stack.url('prometheus', 9090)}/api/v1/targets?state=active")["data"]["activeTargets"]
            return {target["labels"]["job"]: target["health"] for target in found}
        meant = set(stack.here) - NOT_SCRAPED
        until("every target is up", lambda: meant <= {job for job, health in targets().items() if health == "up"},
              within=120, every=1)


def healthy(stack, service):
    for other in stack.here:  # which may be why this one is not
        restarts = stack.inspect(other)["RestartCount"]
        must(restarts < 3, f"{other} was restarted {restarts} times")
    return stack.engine.healthy(stack.project.container(service))


def runs_the_scripts(stack):
    """The scripts that an operator tries the stack with."""
    if "shop" in stack.here:
        with step("scripts/demo.sh breaks the shop, which then writes DEBUG lines"):
            said = stack.project.script("demo.sh", timeout=180)
            must(" DEBUG shop: " in said, f"demo.sh shows no DEBUG line: {said}")
            print(textwrap.indent(said, " " * 9), end="", flush=True)
            must(not stack.project.compose("ps", "--all", "--quiet", "shop"), "demo.sh leaves a shop behind")
            del stack.here["shop"]
    if {"loki", "tempo"} <= set(stack.here):
        with step("scripts/smoke-test.sh follows its signals"):
            print(textwrap.indent(stack.project.script("smoke-test.sh", timeout=300), " " * 9), end="", flush=True)
    else:
        with step("scripts/smoke-test.sh sends its signals, and says that they do not arrive"):
            said = stack.project.script("smoke-test.sh", fails=True, DEADLINE="5")
            must(said.count("ok    ") == 3 and "FAIL  trace is in Tempo" in said, f"it says: {said}")
        not_checked("that scripts/smoke-test.sh finds its signals in Loki and Tempo, and the alert of its fatal line",
                    "they are not both here; the test answers it what the second collector has, and posts that alert")
        with step("scripts/smoke-test.sh follows the rest"), StandIn(stack) as stand_in:
            said = stack.project.script("smoke-test.sh", timeout=120, LOKI_URL=stand_in.url, TEMPO_URL=stand_in.url)
            print(textwrap.indent(said, " " * 9), end="", flush=True)


def keeps_sessions(stack):
    """A session outlives a restart and a crash of Redis, and docker compose down."""
    with step("docker compose restart redis: the same session"):
        stack.project.compose("restart", "redis")
        until("the session is there", lambda: keeps_the_session(stack), within=30)
    if os.geteuid() == 0:
        with step("Redis is killed and starts again by itself: the same session"):
            os.kill(stack.inspect("redis")["State"]["Pid"], signal.SIGKILL)
            until("it is another process", lambda: stack.inspect("redis")["State"]["Running"] and
                  stack.inspect("redis")["RestartCount"] == 1, within=30)
            until("the session is there", lambda: keeps_the_session(stack), within=30)
    else:
        not_checked("a crash of Redis", "this is not run by root")
    with step("docker compose down, and up again"):
        stack.down()
        stack.up()
    is_healthy(stack)
    with step("the same session"):
        until("the session is there", lambda: keeps_the_session(stack), within=30)


def comes_back_on_another_machine(stack):
    """scripts/backup.sh, then the loss of everything, then scripts/restore.sh."""
    backups, instant = stack.scratch / "backups", time.time()
    authority, secrets = Edge(stack).authority, read_secrets(stack)
    with step("scripts/backup.sh"):
        said = stack.project.script("backup.sh", "--to", str(backups), timeout=180)
        print(textwrap.indent(said, " " * 9), end="", flush=True)
        folders = list(backups.iterdir())
        must(len(folders) == 1, f"it makes {[folder.name for folder in folders]}")
    is_healthy(stack)
    with step("containers, volumes, settings and secrets are lost"):
        stack.down("--volumes")
        shutil.rmtree(stack.project.folder / "secrets")
        (stack.project.folder / ".env").unlink()
    with step("scripts/restore.sh, and docker compose up -d"):
        said = stack.project.script("restore.sh", str(folders[0]), timeout=180)
        print(textwrap.indent(said, " " * 9), end="", flush=True)
        must(read_secrets(stack) == secrets, "the secrets are not those of before")
        stack.up()
    is_healthy(stack)
    with step("the same session, the metrics of before, and Caddy's own authority"):
        until("the session is there", lambda: keeps_the_session(stack), within=30)
        must(stack.query('up{job="autolog"} == 1', instant), "the metrics are gone")
        must(Edge(stack).authority == authority, "Caddy has another authority")


def read_secrets(stack):
    return {path.name: path.read_bytes() for path in (stack.project.folder / "secrets").iterdir()}


def keeps_the_session(stack):
    session = stack.session(stack.app.name)
    words = f"app={stack.app.name}&environment=production"
    answer = get_json(f"{API}/api/autolog/check?{words}", stack.secret("autolog_app_tokens"))
    same = session and session["id"] == stack.opened["id"]
    return same and answer["enabled"] and not answer["stale"] and up(stack)


def up(stack):
    return "\nautolog_store_up 1\n" in call("GET", f"{stack.url('autolog', 5001)}/metrics")[1]


def stays_well(stack):
    """Memory, restarts, logs and alerts after all this."""
    with step("no container was restarted, and all together may use less than 4 GiB"):
        for service in stack.here:
            seen = stack.inspect(service)
            must(seen["State"]["Running"] and not seen["RestartCount"], f"{service} does not run, or was restarted")
        limits = sum(int(settings["mem_limit"]) for settings in stack.project.config()["services"].values())
        must(limits <= 4 * GIB, f"the limits add up to {limits} bytes")
    with step("each uses less than three quarters of its limit"):
        for service, settings in stack.here.items():
            used, limit = stack.engine.memory(stack.project.container(service)), int(settings["mem_limit"])
            print(f"         {service:15} {used >> 20:4} of {limit >> 20:4} MiB", flush=True)
            must(used < limit * 0.75, f"{service} uses {used} of {limit} bytes")
    with step("no log has an error or a secret"):
        for service in stack.here:
            must_log_well(stack, service)
    with step("no alert fires but those that should"):
        firing = {labels["alertname"] for labels, _ in stack.query('ALERTS{alertstate="firing"}')}
        meant = {"Watchdog", "RepeatedErrors"} | (MISSING if stack.left_out else set())
        must(firing <= meant, f"these fire: {sorted(firing - meant)}")


# The others log errors of the machine (node-exporter), or while they wait for each other.
MUST_LOG_NO_ERROR = {
    "alertmanager", "autolog", "caddy", "otel-collector", "prometheus", "redis", "redis-exporter", "shop"}
ERRORS = ("level=error", '"level":"error"', "\terror\t", "panic:")


def must_log_well(stack, service):
    known = [path.read_text().strip() for path in (stack.project.folder / "secrets").iterdir() if path.stat().st_size]
    for line in stack.logs(service):
        failed = service in MUST_LOG_NO_ERROR and any(error in line.lower() for error in ERRORS)
        must(not failed, f"{service} logs an error: {line}")
        must(not any(secret in line for secret in known), f"{service} logs a secret")


BEFORE_THE_CLOCK = [prepares]
ALL = [comes_up, reads_secrets, publishes, takes_telemetry, asks_exporters, follows_an_alert, guards_the_edge,
       runs_the_scripts, stays_well, keeps_sessions, stays_well, comes_back_on_another_machine]
