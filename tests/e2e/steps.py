"""Tells how a scenario goes, step by step."""
import contextlib
import sys
import time
import traceback

from programs import Failure


@contextlib.contextmanager
def step(text):
    """Prints one line for what the block does: how it went, and how long it took."""
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"  FAILED {time.monotonic() - began:5.1f} s  {text}", flush=True)
        raise
    print(f"  ok     {time.monotonic() - began:5.1f} s  {text}", flush=True)


def must(condition, text):
    if not condition:
        raise Failure(text)


def passes(scenario, *given):
    """Runs a scenario with what it is given, and tells whether it passed."""
    print(f"{scenario.__name__}: {scenario.__doc__}", flush=True)
    try:
        scenario(*given)
        return True
    except Failure as failure:
        print(f"{scenario.__name__} FAILED: {failure}", flush=True)
    except Exception:
        traceback.print_exc(file=sys.stdout)
    return False
