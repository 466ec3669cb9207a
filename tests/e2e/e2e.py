#!/usr/bin/env python3
"""Runs the end-to-end scenarios against a real Prometheus, Alertmanager and redis-server.

    tests/e2e/e2e.py [--alertmanager 0.33|0.25] [SCENARIO…]

AUTOLOG_BIN is the service to test (default: target/debug/autolog). The programs come from scripts/tools.sh.
"""
import argparse
import signal
import sys
import time

import scenarios
from alertmanager import FOLDERS
from steps import passes


def main():
    names = {scenario.__name__: scenario for scenario in scenarios.ALL}
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--alertmanager", choices=FOLDERS, default="0.33", help="generation of the stack")
    options.add_argument("scenario", nargs="*", help=f"some of: {', '.join(names)} (default: all)")
    chosen = options.parse_args()
    unknown = [name for name in chosen.scenario if name not in names]
    if unknown:
        options.error(f"no such scenario: {unknown[0]}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every program is ended then, too
    began = time.monotonic()
    print(f"End to end with Alertmanager {chosen.alertmanager}", flush=True)
    passed = [passes(names[name], chosen.alertmanager) for name in chosen.scenario or names]
    print(f"Took {time.monotonic() - began:.0f} s")
    print(f"{passed.count(True)} passed, {passed.count(False)} failed")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
