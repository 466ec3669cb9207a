"""Runs the LogQL of the dashboards on a real Loki with the logs of an application and of the stack in it."""
import json
import pathlib
import tempfile
import time
import urllib.parse

import loki_logs
from loki_program import Loki
from programs import Failure, call, until
from steps import must, step

SHOP = {"service.name": "shop", "deployment.environment.name": "production"}
STACK = [
    ({"service_name": "caddy", "platform": "stack", "status": "200"}, '{"level":"info","status":200}'),
    ({"service_name": "tempo", "platform": "stack"}, 'level=warn msg="a block is late"'),
]


def run(binary, queries):
    """Runs every query over the last minutes; each must return something."""
    with tempfile.TemporaryDirectory(prefix="autolog-dashboards-") as scratch:
        loki = Loki(binary, pathlib.Path(scratch))
        loki.start()
        try:
            loki.ready()
            now = time.time()
            loki.push(SHOP, [(now - 60 + second, record) for second, record in enumerate(loki_logs.SDKS[:50])])
            for labels, line in STACK:
                loki.push_plain(labels, now - 30, line)
            with step(f"each of {len(queries)} LogQL queries returns something"):
                until("every query returns something", lambda: not silent(loki, queries, now), within=15, every=1)
        except Failure as failure:
            lost = "".join(f"\n    {name}: {text}" for name, text in silent(loki, queries, now))
            raise Failure(f"{failure}; these return nothing:{lost}") from failure
        finally:
            loki.stop()


def silent(loki, queries, now):
    """Returns the queries that return nothing."""
    return [(name, text) for name, text in queries if not answer(loki, text, now)]


def answer(loki, text, now):
    asked = urllib.parse.urlencode({"query": text, "start": f"{now - 300:.0f}", "end": f"{now + 1:.0f}", "step": 15})
    status, body = call("GET", f"{loki.url}/loki/api/v1/query_range?{asked}", timeout=30)
    must(status == 200, f"loki answers {status}: {body[:300]}\n{text}")
    return json.loads(body)["data"]["result"]
