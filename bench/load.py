"""Loads a server from the other core, and measures what that costs it."""
import dataclasses
import re
import subprocess

from servers import LOAD_CORE, ROOT, TARGET, TOKEN

ROTATE = """
local number = 0
request = function()
  number = (number + 1) % {targets}
  return wrk.format("GET", "{before}" .. number .. "{after}")
end
"""


@dataclasses.dataclass(frozen=True)
class Round:
    """What one round of load came to."""
    rate: float  # requests a second
    cpu: float  # microseconds of the server for each
    beside: float  # microseconds of the program beside it for each


def wrk():
    fetched = subprocess.run([ROOT / "scripts" / "tools.sh", "wrk"], check=True, stdout=subprocess.PIPE, text=True)
    return f"{fetched.stdout.strip()}/wrk"


def polls_of(name="app"):
    """The path of a poll before and after its number."""
    return f"/api/autolog/check?app={name}-", "&environment=production"


def saturate(server, folder, seconds, targets=2000, connections=64, path=polls_of(), authorization=f"Bearer {TOKEN}", beside=None, headers=()):
    """Asks for the paths with 0, 1, … in them as fast as the server answers.

    `beside` is a program whose cost counts as well.
    """
    script = folder / "rotate.lua"
    script.write_text(ROTATE.replace("{targets}", str(targets)).replace("{before}", path[0]).replace("{after}", path[1]))
    before = server.cpu(), beside.cpu() if beside else 0
    argv = ["taskset", "-c", LOAD_CORE, wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script,
            "-H", f"Authorization: {authorization}"]
    for header in headers:
        argv += ["-H", header]
    said = subprocess.run([*map(str, argv), f"http://{server.address}"], check=True, stdout=subprocess.PIPE, text=True).stdout
    after = server.cpu(), beside.cpu() if beside else 0
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    requests = int(re.search(r"(\d+) requests in", said)[1])
    cost = [(last - first) * 1e6 / requests for first, last in zip(before, after)]
    return Round(requests / seconds, *cost)


def pace(server, rate, seconds, connections=64):
    """Asks at a fixed rate and returns how many failed, and the median and 99th percentile in microseconds."""
    argv = ["taskset", "-c", LOAD_CORE, TARGET / "pace", server.address, rate, seconds, connections, TOKEN]
    said = subprocess.run([*map(str, argv)], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    _, failed, median, p99, _ = map(int, said)
    return failed, median, p99
