#!/usr/bin/env python3
"""Brings up the whole stack under docker-compose.yml and follows signals, alerts and sessions through it.

    tests/e2e/stack.py [--keep]

Images are pulled where there is a Docker engine that can, and else made of the real programs, as far as they can be
had (see images.py); what is left out is said. AUTOLOG_BIN is the service to test where its image cannot be built
(default: target/debug/autolog). It all happens in a Compose project of its own, but on the stack's own ports.
"""
import argparse
import os
import pathlib
import signal
import sys
import time
import traceback

import stack_steps
from programs import Failure
from stack_world import ROOT, Stack

WITHIN = 600  # seconds for everything, builds of programs excepted


def expire(*_):
    raise Failure(f"all this takes more than {WITHIN} s")


def run(stack):
    for steps in stack_steps.BEFORE_THE_CLOCK:
        steps(stack)
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(WITHIN)
    try:
        for steps in stack_steps.ALL:
            print(f"{steps.__name__}: {steps.__doc__}", flush=True)
            steps(stack)
    finally:
        signal.alarm(0)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keep", action="store_true", help="wait for Enter before everything is removed")
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is removed then, too
    binary = pathlib.Path(os.environ.get("AUTOLOG_BIN") or ROOT / "target" / "debug" / "autolog").resolve()
    began = time.monotonic()
    try:
        with Stack(binary) as stack:
            try:
                run(stack)
            finally:
                if chosen.keep:
                    input(f"The stack stays up, set up in {stack.project.folder}, until Enter: ")
    except Failure as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return 1
    print(f"Took {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
