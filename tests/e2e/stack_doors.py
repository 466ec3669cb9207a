"""What a container may do, what it can read, and who can reach it."""
import json
import os
import pathlib
import socket

from stack_world import Edge, not_checked, reads_as
from steps import must, step


INNER = (2019, 3000, 3200, 5001, 6379, 8888, 9090, 9093, 9100, 9121, 12345, 13133)
CAPABILITIES = {"DAC_READ_SEARCH": 2, "NET_BIND_SERVICE": 10, "SYS_PTRACE": 19}  # linux/capability.h


def must_run_confined(service, settings, seen):
    state, host = seen["State"], seen["HostConfig"]
    must(state["Running"] and not seen["RestartCount"], f"{service} does not run, or was restarted")
    must(host["Memory"] == int(settings["mem_limit"]), f"{service} may use {host['Memory']} bytes")
    must(host["ReadonlyRootfs"] == settings.get("read_only", False), f"the root of {service} is not read-only as meant")
    status = pathlib.Path(f"/proc/{state['Pid']}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    must(int(fields["NoNewPrivs"]) == 1, f"{service} may gain privileges")
    meant = sum(1 << CAPABILITIES[name] for name in settings.get("cap_add", []))
    must(int(fields["CapBnd"], 16) == meant, f"{service} may have the capabilities {fields['CapBnd'].strip()}")


def reads_secrets(stack):
    """Each program's user can read its secrets, and nothing is written where Docker would not let it."""
    with step("every secret is readable to who needs it"):
        for service, settings in stack.here.items():
            pid = stack.inspect(service)["State"]["Pid"]
            user, groups = owner(pid)
            for secret in settings.get("secrets", []):
                target = f"/run/secrets/{secret['source']}"
                readable = reads_as(pid, user, groups, target)
                if readable is None:
                    not_checked("whether secrets are readable", "this is not run by root")
                    return
                must(readable, f"{service} as user {user} cannot read {target}")
    if stack.engine.name == "podman":  # which gives even read-only containers a /tmp, /run and /var/tmp of their own
        with step("nothing is written to folders that only podman gives"):
            for service, settings in stack.here.items():
                must_not_write(service, stack.inspect(service)["State"]["Pid"], settings.get("tmpfs", []))


def owner(pid):
    """Returns the user of a process, and its groups."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["Uid"].split()[1]), [int(fields["Gid"].split()[1]), *map(int, fields["Groups"].split())]


def must_not_write(service, pid, meant):
    for folder in {"/tmp", "/run", "/var/tmp"} - {path.partition(":")[0] for path in meant}:
        try:
            found = set(os.listdir(f"/proc/{pid}/root{folder}")) - {"secrets", ".containerenv"}
        except (FileNotFoundError, PermissionError):
            continue
        must(not found, f"{service} has written to {folder}, which is read-only with Docker: {sorted(found)}")


def publishes(stack):
    """Ports: what is meant, where it is meant, and nothing else."""
    with step("the engine publishes what the compose file says"):
        seen = set()
        for service in stack.here:
            for port, bindings in (stack.inspect(service)["NetworkSettings"]["Ports"] or {}).items():
                number, protocol = port.split("/")
                for binding in bindings or []:
                    must(binding["HostPort"] == number, f"{service} has port {number} on {binding['HostPort']}")
                    seen.add((binding["HostIp"] or "0.0.0.0", int(number), protocol))
        meant = {("127.0.0.1", port, "tcp") for port in (4317, 4318, 5000)}
        meant |= {("0.0.0.0", 80, "tcp"), ("0.0.0.0", 443, "tcp"), ("0.0.0.0", 443, "udp")}
        if "loki" in stack.here:
            meant.add(("127.0.0.1", 3100, "tcp"))
        must({port for port in seen if port[0] != "::"} == meant, f"published are {sorted(seen)}")
    with step("from another address only Caddy answers"):
        address = stack.gateway()
        for port in (80, 443):
            must(opens(address, port), f"{address}:{port} does not answer")
        inner = INNER if stack.engine.has_own_network() else ()  # else they may be somebody else's
        for port in (*inner, *(port for host, port, protocol in meant if host == "127.0.0.1")):
            must(not opens(address, port), f"{address}:{port} answers")


def opens(address, port):
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


def guards_the_edge(stack):
    """Caddy lets in who has a token, and to nothing but Grafana and the API."""
    edge = Edge(stack)
    check = f"/api/autolog/check?app={stack.app.name}&environment=production"
    with step("check with an application's token is answered 200, and without one 401"):
        status, headers, body = edge.get(check, stack.secret("autolog_app_tokens"))
        must(status == 200 and json.loads(body)["enabled"] is True, f"check through Caddy: {status} {body}")
        must(headers["X-Content-Type-Options"] == "nosniff", f"security headers are missing: {headers}")
        must(headers["Strict-Transport-Security"] is None, "localhost gets HSTS")
        status, _, body = edge.get(check)
        must(status == 401, f"check without a token: {status} {body}")
    with step("metrics, probes and webhook are not there"):
        for method, path in (("GET", "/metrics"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/healthz"),
                             ("POST", "/webhook/autolog"), ("POST", "/Webhook/autolog"), ("POST", "//webhook/autolog")):
            status, _, _ = edge.get(path, stack.secret("autolog_webhook_secret"), method)
            must(status == 404, f"{method} {path} is answered {status}")
    with step("HTTP leads to HTTPS"):
        status, headers, _ = edge.get(check, scheme="http")
        must(status in (301, 308), f"HTTP is answered {status}")
        must(headers["Location"] == f"https://localhost{check}", f"HTTP leads to {headers['Location']}")
    if "grafana" in stack.here:
        with step("Grafana asks for a login"):
            status, headers, _ = edge.get("/")
            must(status == 302 and "/login" in headers["Location"], f"/ is answered {status}")
