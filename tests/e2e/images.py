"""Makes images of the stack's programs where none can be pulled.

Each holds a real program where the image of that name has it, runs it as the same user, and has a shell only if the
other has one: so health checks, permissions of secrets and read-only folders are put to the test. What differs is the
version, where Debian has another, and the base.
"""
import dataclasses
import hashlib
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

from programs import Failure

ROOT = pathlib.Path(__file__).resolve().parents[2]
CERTIFICATES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
LABEL = "autolog.made-of"  # tells our images from those of a registry, and one from the next
NOT_COPIED = {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip"}
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUP = "root:x:0:\nnobody:x:65534:\n"
# CAP_NET_BIND_SERVICE, permitted and effective, as an attribute of a file (revision 2 in linux/capability.h).
NET_BIND_SERVICE = "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12


@dataclasses.dataclass
class Recipe:
    """What an image consists of."""

    programs: dict  # path in the image to a verb of scripts/tools.sh and a path in its folder
    settings: list  # instructions of a Dockerfile
    folders: dict = dataclasses.field(default_factory=dict)  # path to uid and gid
    shell: bool = False
    capabilities: dict = dataclasses.field(default_factory=dict)  # path to what the file's attribute says


RECIPES = {
    "prometheus": Recipe(
        {"/bin/prometheus": ("prometheus", "prometheus"), "/bin/promtool": ("prometheus", "promtool")},
        ["USER 65534", "WORKDIR /prometheus", 'ENTRYPOINT ["/bin/prometheus"]', "VOLUME /prometheus"],
        {"/prometheus": (65534, 65534), "/etc/prometheus": (65534, 65534)}, shell=True),
    "alertmanager": Recipe(
        {"/bin/alertmanager": ("stack", "alertmanager"),
         "/bin/prometheus-alertmanager": ("stack", "prometheus-alertmanager"), "/bin/amtool": ("stack", "amtool"),
         "/share/prometheus/alertmanager": ("stack", "../share/prometheus/alertmanager")},
        ["USER 65534", "WORKDIR /alertmanager", 'ENTRYPOINT ["/bin/alertmanager"]', "VOLUME /alertmanager"],
        {"/alertmanager": (65534, 65534), "/etc/alertmanager": (65534, 65534)}, shell=True),
    "redis": Recipe(
        {"/usr/local/bin/redis-server": ("redis", "redis-server"), "/usr/local/bin/redis-cli": ("redis", "redis-cli")},
        ["WORKDIR /data", 'CMD ["redis-server"]', "VOLUME /data"], {"/data": (999, 1000)}, shell=True),
    "otel-collector": Recipe(
        {"/otelcol-contrib": ("collector", "otelcol-contrib")},
        ["USER 10001:10001", 'ENTRYPOINT ["/otelcol-contrib"]',
         'CMD ["--config", "/etc/otelcol-contrib/config.yaml"]']),
    "node-exporter": Recipe(
        {"/bin/node_exporter": ("node-exporter", "prometheus-node-exporter")},
        ["USER 65534", 'ENTRYPOINT ["/bin/node_exporter"]'], shell=True),
    "redis-exporter": Recipe(
        {"/redis_exporter": ("redis-exporter", "prometheus-redis-exporter")},
        ["USER 59000:59000", 'ENTRYPOINT ["/redis_exporter"]']),
    "caddy": Recipe(
        {"/usr/bin/caddy": ("caddy", "caddy")},
        ["ENV XDG_CONFIG_HOME=/config", "ENV XDG_DATA_HOME=/data", "WORKDIR /srv",
         'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]'],
        {"/config/caddy": (0, 0), "/data/caddy": (0, 0), "/srv": (0, 0)}, shell=True,
        capabilities={"/usr/bin/caddy": NET_BIND_SERVICE}),
}


# What no package has, by the variable or the name on the path that leads to it.
GIVEN = {
    "loki": ("AUTOLOG_LOKI", "/usr/bin/loki", {"/loki": (10001, 10001), "/loki/rules": (10001, 10001)}),
    "tempo": ("AUTOLOG_TEMPO", "/tempo", {"/var/tempo": (10001, 10001)}),
}


def dockerfile():
    """Returns the instructions of the last stage of our own Dockerfile that say how its image runs."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stage = text[text.rindex("\nFROM "):]
    found = re.findall(r"^(ENV|USER|WORKDIR|VOLUME|ENTRYPOINT|CMD) (.*)$", stage, re.MULTILINE)
    return [f"{keyword} {words}" for keyword, rest in found for words in (rest.split() if keyword == "ENV" else [rest])]


def recipe(service, binary):
    """Returns the recipe of a service's image, or None. `binary` is the autolog to put into its image."""
    if service == "autolog":
        return Recipe({"/usr/local/bin/autolog": (None, str(binary))}, dockerfile(), {"/data": (65532, 65532)})
    if service == "shop":
        library = pathlib.Path(os.__file__).parent
        return Recipe({"/usr/local/bin/python3": (None, str(pathlib.Path(sys.executable).resolve())),
                       f"/usr/local/lib/{library.name}": (None, str(library))}, ['CMD ["python3"]'], shell=True)
    if service in GIVEN:
        variable, target, folders = GIVEN[service]
        program = os.environ.get(variable) or shutil.which(service)
        return program and Recipe(
            {target: (None, program)}, ["USER 10001:10001", f'ENTRYPOINT ["{target}"]'], folders)
    return RECIPES.get(service)


def tool(verb, name):
    """Returns the path of a program that scripts/tools.sh fetches."""
    if verb is None:
        return pathlib.Path(name)
    command = [str(ROOT / "scripts" / "tools.sh"), verb]
    fetched = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if fetched.returncode:
        raise Failure(f"scripts/tools.sh {verb} fails")
    return pathlib.Path(fetched.stdout.strip()) / name


def libraries(program):
    """Returns the paths of the shared libraries that a program needs, its loader included."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", listed.stdout)


class Tree:
    """The files of an image, as a tar archive: the same files give the same bytes."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)
        self.names = set()

    def close(self):
        self.tar.close()

    def folder(self, path, owner=(0, 0), mode=0o755):
        parent = str(pathlib.PurePosixPath(path).parent)
        if parent not in ("/", path):
            self.folder(parent)
        self.add(path, tarfile.DIRTYPE, mode=mode, owner=owner)

    def text(self, path, text):
        self.folder(str(pathlib.PurePosixPath(path).parent))
        self.add(path, tarfile.REGTYPE, io.BytesIO(text.encode()), len(text.encode()), mode=0o644)

    def link(self, path, target):
        self.add(path, tarfile.SYMTYPE, target=target)

    def copy(self, path, source, capability=None):
        """Adds a file or a folder of this machine; links are followed."""
        if source.is_dir():
            for inner in sorted(source.iterdir()):
                if inner.name not in NOT_COPIED:
                    self.copy(f"{path}/{inner.name}", inner)
            return
        self.folder(str(pathlib.PurePosixPath(path).parent))
        status = source.stat()
        with source.open("rb") as file:
            self.add(path, tarfile.REGTYPE, file, status.st_size, mode=status.st_mode & 0o777, capability=capability)

    def add(self, path, kind, file=None, size=0, *, mode=0o755, owner=(0, 0), target="", capability=None):
        if path in self.names:
            return
        self.names.add(path)
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.size, entry.mode, entry.linkname = kind, size, mode, target
        entry.uid, entry.gid = owner
        if capability:
            entry.pax_headers = {"SCHILY.xattr.security.capability": capability}
        self.tar.addfile(entry, file)


def write_tree(made_of, path):
    """Writes the archive of an image."""
    tree = Tree(path)
    tree.folder("/tmp", mode=0o1777)
    for folder, owner in made_of.folders.items():
        tree.folder(folder, owner)
    tree.text("/etc/passwd", PASSWD)
    tree.text("/etc/group", GROUP)
    tree.text("/etc/nsswitch.conf", "hosts: files dns\n")
    if CERTIFICATES.exists():
        tree.copy(str(CERTIFICATES), CERTIFICATES)
    if made_of.shell:
        busybox = tool("busybox", "busybox")
        tree.copy("/bin/busybox", busybox)
        for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
            tree.link(f"/bin/{applet}", "busybox")
    for target, (verb, name) in made_of.programs.items():
        source = tool(verb, name)
        tree.copy(target, source, made_of.capabilities.get(target))
        files = sorted(source.rglob("*.so")) if source.is_dir() else [source]
        for library in sorted({library for file in files for library in libraries(file)}):
            tree.copy(library, pathlib.Path(library))
    tree.close()


def make(engine, service, image, binary, scratch):
    """Makes the image of a service unless the engine has just this one; tells whether there is a program for it."""
    made_of = recipe(service, binary)
    if not made_of:
        return False
    path = scratch / f"{service}.tar"
    write_tree(made_of, path)
    with path.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()
    key = hashlib.sha256(" ".join([key, *made_of.settings]).encode()).hexdigest()
    if engine.label(image, LABEL) != key:
        engine.import_image(path, image, [*made_of.settings, f"LABEL {LABEL}={key}"])
    path.unlink()
    return True

