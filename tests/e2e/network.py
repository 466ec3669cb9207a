"""A machine of its own for one test: private networks and a private /etc, so that shipped files hold as they are."""
import os
import pathlib
import shutil
import subprocess
import sys

from programs import Failure

STACK, COLLECTOR = "198.18.0.1", "198.18.0.2"  # of the range for tests between networks (RFC 2544)
INSIDE = "--inside"


def enter():
    """Runs this program again in namespaces of its own, unless it is there already."""
    if INSIDE in sys.argv:
        return
    if not shutil.which("unshare") or not shutil.which("ip"):
        raise Failure("this needs unshare and ip (Debian: util-linux and iproute2)")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.execvp("unshare", ["unshare", *user, "--net", "--mount", "--propagation", "private",
                          sys.executable, *sys.argv, INSIDE])


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, words))}: {done.stderr.strip()}")


class Network:
    """Two hosts: one for the collector, which listens on the same ports as Tempo, and one for all the others."""

    def __init__(self, folder, services):
        run("ip", "link", "set", "lo", "up")
        self.collector = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        self.wait_for_namespace()
        run("ip", "link", "add", "stack", "type", "veth", "peer", "name", "stack", "netns", self.collector.pid)
        run("ip", "address", "add", f"{STACK}/30", "dev", "stack")
        run("ip", "link", "set", "stack", "up")
        for words in (["address", "add", f"{COLLECTOR}/30", "dev", "stack"], ["link", "set", "stack", "up"],
                      ["link", "set", "lo", "up"]):
            run(*self.at_collector(), "ip", *words)
        self.etc(folder, services)

    def wait_for_namespace(self):
        own, other = os.readlink("/proc/self/ns/net"), f"/proc/{self.collector.pid}/ns/net"
        while os.readlink(other) == own:  # until unshare has done its work, at once
            if self.collector.poll() is not None:
                raise Failure("a second network namespace cannot be made here")

    def at_collector(self):
        """Returns the words that run a program on the collector's host."""
        return ["nsenter", f"--net=/proc/{self.collector.pid}/ns/net"]

    def etc(self, folder, services):
        """Lays an /etc over the machine's own that nobody else sees, with the names of the stack in it."""
        folder.mkdir()
        self.folder = folder
        run("mount", "-t", "tmpfs", "tmpfs", folder)
        for name in ("upper", "work"):
            (folder / name).mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir=/etc,upperdir={folder / 'upper'},workdir={folder / 'work'}", "/etc")
        hosts = ["127.0.0.1 localhost"]
        hosts += [f"{COLLECTOR if name == 'otel-collector' else STACK} {name}" for name in services]
        pathlib.Path("/etc/hosts").write_text("\n".join(hosts) + "\n")
        pathlib.Path("/etc/nsswitch.conf").write_text("hosts: files\n")

    @staticmethod
    def mount(source, target):
        """Shows a folder of the tree where a container would see it."""
        pathlib.Path(target).mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", source, target)

    def close(self):
        """Ends the other host, and takes away what would keep the folder from being removed."""
        self.collector.kill()
        self.collector.wait()
        run("umount", "--lazy", "/etc")
        run("umount", "--lazy", self.folder)
