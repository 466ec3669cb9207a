#!/usr/bin/env python3
"""Measures autolog beside what it is compared with, in one run, and says which goals are reached.

    bench/run.py [--quick] [GOAL…]

A GOAL is one of the functions in bench/goals.py. Servers are pinned to core 0, the load to core 1: on fewer cores, and
beside other work, the figures mean nothing. Only ratios carry over to another machine. Exits with 0 whatever is reached,
since a busy machine is no broken program; --strict makes a goal that falls short an error.
"""
import argparse
import dataclasses
import os
import platform
import sys
import time

import goals


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured."""
    rounds: int
    seconds: int
    connections: int
    watchers: int
    outage: int  # seconds of each way in which Redis is away


FULL = Size(rounds=3, seconds=5, connections=1000, watchers=10_000, outage=17)
QUICK = Size(rounds=1, seconds=1, connections=200, watchers=1_000, outage=2)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return f"{os.cpu_count()} × {models[0] if models else platform.machine()}, Linux {platform.release()}"


def main():
    names = {goal.__name__: goal for goal in goals.ALL}
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="a minute instead of ten; too short to judge by")
    options.add_argument("--strict", action="store_true", help="end with 1 if a goal falls short")
    options.add_argument("--peer", choices=["unleash-edge"], help="build and measure a feature-flag proxy as well")
    options.add_argument("goal", nargs="*", help=f"some of: {', '.join(names)} (default: all)")
    chosen = options.parse_args()
    unknown = [name for name in chosen.goal if name not in names or name == "peer" and not chosen.peer]
    if unknown:
        options.error(f"no such goal: {unknown[0]}")
    if (os.cpu_count() or 1) < 2:
        print("NOT CHECKED: this takes two cores, and here is one")
        return 1 if chosen.strict else 0
    print(f"On {machine()}; load average {os.getloadavg()[0]:.1f}")
    began, seen = time.monotonic(), []
    if not chosen.peer:
        names.pop("peer")
        print("3: NOT MEASURED: a feature-flag proxy beside it, which --peer unleash-edge builds (ten minutes, once)")
    for name in chosen.goal or names:
        print(f"{names[name].__doc__}", flush=True)
        for one in names[name](QUICK if chosen.quick else FULL):
            print(one, flush=True)
            seen.append(one)
    print(f"Took {time.monotonic() - began:.0f} s; {sum(one.passes for one in seen)} of {len(seen)} figures reach their goal")
    return 1 if chosen.strict and not all(one.passes for one in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
