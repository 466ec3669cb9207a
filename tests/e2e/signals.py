#!/usr/bin/env python3
"""Sends telemetry to a real collector and a real Prometheus that read the stack's own files.

Both run under the names and with the commands of docker-compose.yml, in networks of their own. Loki and Tempo are not
here: a second collector takes what comes for them, at their addresses, and writes it down. So what is checked is what
they are sent, and not what they make of it.

Run `make e2e-signals`; it fetches what is needed. --keep leaves the logs and all data where they are.
"""
import argparse
import pathlib
import shutil
import sys
import tempfile
import time

import network
from programs import Failure
from signals_world import SignalsWorld
import signals_steps as steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the logs and all data where they are")
    parser.add_argument(network.INSIDE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    network.enter()
    folder, began = pathlib.Path(tempfile.mkdtemp(prefix="autolog-e2e-signals-")), time.monotonic()
    print("collector, Prometheus and a stand-in for Loki and Tempo, with the files of stack/", flush=True)
    try:
        with SignalsWorld(folder) as world:
            for scenario in steps.ALL:
                scenario(world)
    finally:
        if options.keep:
            print(f"logs and data: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print("NOT CHECKED: what Loki and Tempo make of it, since a collector stood in for them")
    print(f"all signals arrive as they should ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
