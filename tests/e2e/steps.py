"""Tells how a scenario goes, step by step."""
import contextlib
import time

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
