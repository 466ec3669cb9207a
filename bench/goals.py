"""The goals: each measures what it is about in one run, and tells how far it got."""
import dataclasses
import json
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time

from load import pace, polls_of, saturate
from peers import CLIENT_TOKEN, FLAGS, FRONTEND_TOKEN, unleash_edge
from servers import (
    LOAD_CORE, OPERATOR, TARGET, TOKEN, WEBHOOK, Autolog, Client, Server, Wire, free_port, message, redis, until)


@dataclasses.dataclass(frozen=True)
class Seen:
    """One figure beside its bound."""
    goal: str
    what: str
    value: float
    bound: float
    at_most: bool
    unit: str = ""

    @property
    def passes(self):
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def __str__(self):
        sign = "≤" if self.at_most else "≥"
        verdict = "pass" if self.passes else "falls short"
        return f"{self.goal:>3}  {self.what:<58} {self.value:>9.3g} {self.unit:<4} {sign} {self.bound:g} {self.unit:<4} {verdict}"


def at_least(goal, what, value, bound, unit=""):
    return Seen(goal, what, value, bound, False, unit)


def at_most(goal, what, value, bound, unit=""):
    return Seen(goal, what, value, bound, True, unit)


def scratch():
    return tempfile.TemporaryDirectory(prefix="autolog-bench-")


def median(rounds, name):
    return statistics.median(getattr(one, name) for one in rounds)


def commands(server):
    """How many commands a Redis has served."""
    said = subprocess.run(["redis-cli", "-p", str(server.port), "info", "stats"], check=True, stdout=subprocess.PIPE, text=True)
    return int(said.stdout.partition("total_commands_processed:")[2].split()[0])


def fill(store, sessions):
    """Keeps sessions as `redis-get` reads them."""
    ends = int(time.time() * 1000) + 3_600_000
    sets = "".join(f'SET session:app-{number}:production "{{\\"id\\":\\"01JX{number:022}\\",\\"level\\":\\"debug\\",'
                   f'\\"expires_at_ms\\":{ends + number}}}"\n' for number in range(sessions))
    subprocess.run(["redis-cli", "-p", str(store.port)], input=sets, check=True, stdout=subprocess.DEVNULL, text=True)


def check(size):
    """1, 2: a poll against a bare route, and against a Redis GET for each."""
    with scratch() as name:
        folder = pathlib.Path(name)
        with redis(folder) as store, Autolog(folder, f"redis://127.0.0.1:{store.port}") as autolog, \
                Server([TARGET / "static-route", f"127.0.0.1:{(port := free_port())}"], folder, port) as bare, \
                redis(folder) as other, \
                Server([TARGET / "redis-get", f"127.0.0.1:{(port := free_port())}", f"redis://127.0.0.1:{other.port}", TOKEN],
                       folder, port) as get:
            autolog.fill(10_000)
            fill(other, 10_000)
            nothing = Client(autolog.port).get("/api/autolog/check?app=none&environment=production", TOKEN)[2]["ETag"]
            rounds = {"bare": [], "ours": [], "same": [], "get": []}
            before, begun = commands(store), time.monotonic()
            polls = 0
            for _ in range(size.rounds):
                rounds["bare"].append(saturate(bare, folder, size.seconds))
                rounds["ours"].append(saturate(autolog, folder, size.seconds, beside=store))
                rounds["same"].append(saturate(
                    autolog, folder, size.seconds, path=polls_of("none"), headers=[f"If-None-Match: {nothing}"]))
                rounds["get"].append(saturate(get, folder, size.seconds, beside=other))
                polls += (rounds["ours"][-1].rate + rounds["same"][-1].rate) * size.seconds
            spent, elapsed = commands(store) - before, time.monotonic() - begun
            idle = commands(store)
            time.sleep(2)
            idle = (commands(store) - idle) / 2 * elapsed
    rate = {kind: median(kept, "rate") for kind, kept in rounds.items()}
    cpu = {kind: median(kept, "cpu") + median(kept, "beside") for kind, kept in rounds.items()}
    print(f"     bare route {rate['bare']:,.0f}/s {cpu['bare']:.2f} µs · poll {rate['ours']:,.0f}/s {cpu['ours']:.2f} µs · "
          f"304 {rate['same']:,.0f}/s {cpu['same']:.2f} µs · Redis GET {rate['get']:,.0f}/s {cpu['get']:.2f} µs")
    return [
        at_least("1", "polls a second, of a bare route", rate["ours"] / rate["bare"], 0.75),
        at_most("1", "CPU of a poll, of a bare route", median(rounds["ours"], "cpu") / cpu["bare"], 1.30),
        at_least("1", "unchanged polls (304) a second, of a bare route", rate["same"] / rate["bare"], 0.85),
        at_least("2", "polls a second, of a Redis GET for each", rate["ours"] / rate["get"], 1.9),
        at_most("2", "CPU of a poll with its store, of a Redis GET for each", cpu["ours"] / cpu["get"], 0.55),
        at_most("2", "Redis commands for each poll", max(0.0, spent - idle) / polls, 0.001),
    ]


def peer(size):
    """3: a poll against a feature-flag proxy that evaluates one flag, and against its own way to say that nothing changed."""
    with scratch() as name:
        folder = pathlib.Path(name)
        with Autolog(folder, "memory:") as autolog, unleash_edge(folder) as proxy:
            autolog.fill(1000)
            ours, theirs, same = [], [], []
            tag = Client(proxy.port).get("/api/client/features", None, Authorization=CLIENT_TOKEN)[2]["ETag"]
            for _ in range(size.rounds):
                ours.append(saturate(autolog, folder, size.seconds))
                theirs.append(saturate(
                    proxy, folder, size.seconds, targets=FLAGS, path=("/api/frontend/features/app-", ""),
                    authorization=FRONTEND_TOKEN))
                same.append(saturate(
                    proxy, folder, size.seconds, targets=1, path=("/api/client/features?", ""), authorization=CLIENT_TOKEN,
                    headers=[f"If-None-Match: {tag}"]))
    rates = [median(rounds, "rate") for rounds in (ours, theirs, same)]
    print(f"     poll {rates[0]:,.0f}/s · its evaluation {rates[1]:,.0f}/s · its 304 {rates[2]:,.0f}/s")
    return [
        at_least("3", "polls a second, of a feature-flag proxy's evaluations", rates[0] / rates[1], 2.5),
        at_least("3", "polls a second, of its answers that nothing changed", rates[0] / rates[2], 100),
    ]


def size_and_start(size):
    """4: memory, start, size of the program."""
    with scratch() as name:
        folder = pathlib.Path(name)
        store = f"redb:{folder / 'store.redb'}"
        with Autolog(folder, store) as autolog:
            autolog.fill(10_000)
        starts = [started(folder, store) for _ in range(size.rounds * 3)]
        with Autolog(folder, store) as autolog:
            settled = autolog.resident()
            count = size.connections
            idle = held(autolog, count, "idle")
            watched = held(autolog, count, "watch")
        return [
            at_most("4", "resident with 10,000 sessions", settled / 1e6, 18, "MB"),
            at_most("4", "first answer after the start, with 10,000 sessions", statistics.median(starts), 25, "ms"),
            at_most("4", f"resident for each of {count} kept-alive connections", idle, 12, "KiB"),
            at_most("4", f"resident for each of {count} watchers", watched, 12, "KiB"),
            at_most("4", "size of the program", (TARGET / "autolog").stat().st_size / 1e6, 10, "MB"),
        ]


def started(folder, store):
    """Milliseconds from the start of the program to its first answer."""
    begun = time.monotonic()
    with Autolog(folder, store):
        return (time.monotonic() - begun) * 1000


def held(autolog, count, kind):
    """KiB of memory for each connection that somebody holds."""
    before = autolog.resident()
    with holders(autolog, count, kind):
        return (autolog.resident() - before) / count / 1024


class holders:
    """Many who hold a connection."""

    def __init__(self, autolog, count, kind, app="held"):
        argv = ["taskset", "-c", LOAD_CORE, TARGET / "watchers", autolog.address, count, TOKEN, kind, app]
        self.argv = [str(word) for word in argv]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the watchers did not get in")
        return self

    def reached(self, since):
        """Microseconds from an instant to the first, the median and the last of them."""
        print(since, file=self.process.stdin, flush=True)
        return [int(word) for word in self.process.stdout.readline().split()]

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def webhooks(size):
    """5: a message of alerts, against one awaited script for each."""
    with scratch() as name:
        folder = pathlib.Path(name)
        with redis(folder) as store, redis(folder) as other, Autolog(folder, f"redis://127.0.0.1:{store.port}") as autolog:
            ours, theirs = {}, {}
            for alerts in (100, 1000):
                ours[alerts] = statistics.median(posted(autolog, alerts, number) for number in range(size.rounds * 3))
                argv = ["taskset", "-c", LOAD_CORE, TARGET / "script-per-alert", f"redis://127.0.0.1:{other.port}", alerts, size.rounds * 3]
                theirs[alerts] = int(subprocess.run([*map(str, argv)], check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(f"     100 alerts {ours[100] / 1000:.1f} ms against {theirs[100] / 1000:.1f} · 1,000 alerts {ours[1000] / 1000:.1f} ms "
          f"against {theirs[1000] / 1000:.1f}")
    return [
        at_least("5", "a script for each of 100 alerts, of one message of 100", theirs[100] / ours[100], 8),
        at_most("5", "one message of 1,000, of a script for each", ours[1000] / theirs[1000], 0.12),
    ]


def posted(autolog, alerts, number):
    """Microseconds until a message of new alerts is durable."""
    client, body = Client(autolog.port), message(range(alerts), tag=f"{alerts}x{number}")
    begun = time.monotonic()
    status, said, _ = client.post("/webhook/autolog", body, WEBHOOK)
    if status != 200:
        raise RuntimeError(said)
    return (time.monotonic() - begun) * 1e6


def errors(size):
    """6: a million reported errors a second."""
    events = [{"app": f"count-{number // 100}", "environment": "production", "endpoint": f"/e{number % 100}", "count": 250}
              for number in range(400)]
    body = json.dumps({"events": events})
    with scratch() as name:
        folder = pathlib.Path(name)
        with redis(folder) as store, Autolog(folder, f"redis://127.0.0.1:{store.port}") as autolog:
            client = Client(autolog.port)
            client.post("/api/autolog/errors", body, TOKEN)
            spent = autolog.cpu(), store.cpu()
            for number in range(size.seconds * 10):
                begun = time.monotonic()
                status, said, _ = client.post("/api/autolog/errors", body, TOKEN)
                if status != 202:
                    raise RuntimeError(said)
                time.sleep(max(0.0, 0.1 - (time.monotonic() - begun)))
            ours, theirs = autolog.cpu() - spent[0], store.cpu() - spent[1]
    return [
        at_most("6", "of a core, to count a million errors a second", ours / size.seconds, 0.10),
        at_most("6", "of Redis's core meanwhile", theirs / size.seconds, 0.03),
    ]


def storm(size):
    """7: polls while ten messages of a thousand alerts come each second."""
    with scratch() as name:
        folder = pathlib.Path(name)
        with redis(folder) as store, Autolog(folder, f"redis://127.0.0.1:{store.port}") as autolog:
            pace(autolog, 5000, 1)
            quiet = statistics.median(pace(autolog, 5000, size.seconds)[2] for _ in range(size.rounds))
            closing = threading.Event()
            bodies = [message(range(1000), tag=f"s{number}") for number in range(10)]

            def post():
                client, number = Client(autolog.port), 0
                while not closing.wait(0.1):
                    client.post("/webhook/autolog", bodies[number % 10], WEBHOOK)
                    number += 1

            poster = threading.Thread(target=post)
            poster.start()
            try:
                stormy = statistics.median(pace(autolog, 5000, size.seconds)[2] for _ in range(size.rounds))
            finally:
                closing.set()
                poster.join()
    print(f"     99th percentile {quiet / 1000:.2f} ms when quiet, {stormy / 1000:.2f} ms in the storm")
    return [at_most("7", "p99 of polls in a storm of webhooks, of the quiet one", stormy / quiet, 2)]


def outage(size):
    """P1: polls while Redis is killed, stands still and cannot be reached, against the same polls before."""
    rate = 20_000
    with scratch() as name:
        folder = pathlib.Path(name)
        with redis(folder, LOAD_CORE) as store, Wire(store.port) as wire, \
                Autolog(folder, f"redis://127.0.0.1:{wire.port}") as autolog:
            autolog.fill(1000)
            pace(autolog, rate, 1)
            quiet = statistics.median(pace(autolog, rate, size.seconds)[2] for _ in range(size.rounds))
            away = {}
            wire.swallow(True)
            away["unreachable"] = pace(autolog, rate, size.outage)
            wire.swallow(False)
            store.process.send_signal(signal.SIGSTOP)
            away["standing still"] = pace(autolog, rate, size.outage)
            store.process.send_signal(signal.SIGCONT)
            store.process.kill()
            away["killed"] = pace(autolog, rate, size.outage)
    told = " · ".join(f"{p99 / 1000:.2f} ms when {what}" for what, (_, _, p99) in away.items())
    print(f"     99th percentile {quiet / 1000:.2f} ms before, {told}")
    worst = max(p99 for _, _, p99 in away.values())
    polls = rate * size.outage * len(away)
    return [
        at_most("P1", f"polls of {polls:,} that were not answered 200", sum(failed for failed, _, _ in away.values()), 0),
        at_most("P1", "p99 of polls, of what it may be", worst / max(2 * quiet, quiet + 2000), 1),
    ]


def watchers(size):
    """8: one change to many watchers."""
    with scratch() as name:
        folder = pathlib.Path(name)
        with Autolog(folder, "memory:") as autolog, holders(autolog, size.watchers, "watch", "seen") as crowd:
            client, lasts, spent = Client(autolog.port), [], []
            for number in range(5):
                cpu = autolog.cpu()
                since = int(time.time() * 1e6)
                body = f'{{"app":"seen","environment":"production","ttl_seconds":{600 + number * 60}}}'
                client.post("/api/autolog/enable", body, OPERATOR)
                lasts.append(crowd.reached(since)[2] / 1000)
                spent.append(autolog.cpu() - cpu)
    last = statistics.median(lasts)
    return [
        at_most("8", f"one change to the last of {size.watchers} watchers", last, 120 * size.watchers / 10_000, "ms"),
        at_least("8", "deliveries a second on one core", size.watchers / (last / 1000), 80_000),
    ]


def growth(size):
    """9: polls and changes among few sessions and among many."""
    rates, changes = {}, {}
    with scratch() as name:
        folder = pathlib.Path(name)
        for sessions in (100, 100_000):
            with Autolog(folder, "memory:") as autolog:
                autolog.fill(sessions)
                rates[sessions] = statistics.median(
                    saturate(autolog, folder, size.seconds, targets=100).cpu for _ in range(size.rounds))
                client, spent = Client(autolog.port), autolog.cpu()
                for number in range(200):
                    client.post("/api/autolog/enable", f'{{"app":"app-{number % 50}","environment":"production"}}', OPERATOR)
                changes[sessions] = (autolog.cpu() - spent) / 200 * 1000
    return [
        at_most("9", "CPU of a poll with 100,000 sessions, of one with 100", rates[100_000] / rates[100], 1.10),
        at_most("9", "CPU of a change among 100,000 sessions", changes[100_000], 14, "ms"),
    ]


def spread(size):
    """10: what one replica writes, at another."""
    with scratch() as name:
        folder = pathlib.Path(name)
        with redis(folder) as store, Autolog(folder, f"redis://127.0.0.1:{store.port}") as here, \
                Autolog(folder, f"redis://127.0.0.1:{store.port}") as there:
            ours, theirs, times = Client(here.port), Client(there.port), []
            for number in range(200):
                body = f'{{"app":"spread-{number}","environment":"production"}}'
                ours.post("/api/autolog/enable", body, OPERATOR)
                begun = time.monotonic()
                path = f"/api/autolog/check?app=spread-{number}&environment=production"
                until(lambda: b'"enabled":true' in theirs.get(path, TOKEN)[1])
                times.append((time.monotonic() - begun) * 1000)
    times.sort()
    return [
        at_most("10", "p99 until the other replica answers it", times[-2], 100, "ms"),
        at_most("10", "longest until the other replica answers it", times[-1], 1000, "ms"),
    ]


ALL = [check, peer, size_and_start, webhooks, errors, storm, outage, watchers, growth, spread]
