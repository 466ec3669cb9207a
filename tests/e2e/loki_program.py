"""Starts a real Loki with the shipped configuration, pushes logs to it and asks it."""
import json
import os
import pathlib
import re
import shutil
import urllib.parse

import loki_logs
from programs import Failure, Program, answers, call, free_port, plain_environment, until
from world import ROOT

BATCH = 2_000_000  # bytes of lines in one request, about; Loki takes 4 MB
SECOND = 10**9


def find():
    """Returns the Loki to test, or None if none is named and none is on the path."""
    named = os.environ.get("AUTOLOG_LOKI")
    if named and not os.access(named, os.X_OK):
        raise Failure(f"AUTOLOG_LOKI names {named}, which is no program")
    return named or shutil.which("loki")


class Loki(Program):
    """Loki on free ports, in a folder of its own, with the rules where its ruler looks for them."""

    def __init__(self, binary, folder, alertmanager="http://127.0.0.1:9", rules=None):
        port, folder = free_port(), folder / "loki"
        (folder / "rules" / "fake").mkdir(parents=True)
        for path in rules.iterdir() if rules else ():
            shutil.copy(path, folder / "rules" / "fake")
        config = folder / "loki.yaml"
        config.write_text(relocated((ROOT / "stack" / "loki" / "loki.yaml").read_text(), folder))
        # The limits are off: hours of logs come within a second.
        super().__init__("loki", [
            binary, f"-config.file={config}", "-config.expand-env=true",
            "-server.http-listen-address=127.0.0.1", f"-server.http-listen-port={port}",
            "-server.grpc-listen-address=127.0.0.1", f"-server.grpc-listen-port={free_port()}",
            f"-ruler.alertmanager-url={alertmanager}", f"-ruler.storage.local.directory={folder / 'rules'}",
            f"-ruler.rule-path={folder / 'rules-temp'}",
            "-distributor.ingestion-rate-limit-mb=1000", "-distributor.ingestion-burst-size-mb=1000",
            "-ingester.per-stream-rate-limit=1000MB", "-ingester.per-stream-rate-limit-burst=1000MB",
        ], folder, plain_environment(LOKI_RETENTION="720h", CLUSTER="main"))
        self.url = f"http://127.0.0.1:{port}"

    def ready(self):
        until("loki is ready", lambda: self.must_run() or answers(f"{self.url}/ready"), within=90, every=0.5)

    def post(self, path, body):
        """Posts a body, again if Loki says that it is too much at once."""
        def taken():
            status, text = call("POST", f"{self.url}{path}", body, timeout=30)
            if status in (429, 500, 503):
                raise ValueError(f"{path} is answered {status}: {text[:300]}")
            if status not in (200, 204):
                raise Failure(f"{path} is answered {status}: {text[:300]}")
            return True

        until(f"loki takes what is posted to {path}", taken, within=60, every=1)

    def push(self, resource, records):
        """Pushes the records of one resource by OTLP, as (seconds since 1970, Record), the oldest first."""
        batch, size = [], 0
        for seconds, record in sorted(records, key=lambda timed: timed[0]):
            batch.append((int(seconds * SECOND), record))
            size += len(record.body) + 500
            if size > BATCH:
                self.post("/otlp/v1/logs", loki_logs.payload(resource, batch))
                batch, size = [], 0
        if batch:
            self.post("/otlp/v1/logs", loki_logs.payload(resource, batch))

    def push_plain(self, labels, seconds, line):
        """Pushes one line by Loki's own protocol, as a shipper of container logs does."""
        stream = {"stream": labels, "values": [[str(int(seconds * SECOND)), line]]}
        self.post("/loki/api/v1/push", {"streams": [stream]})

    def query(self, expr, at):
        """Returns the result of an expression at an instant, as (labels, value); an error of the evaluation fails."""
        query = urllib.parse.urlencode({"query": expr, "time": str(int(at * SECOND))})
        status, text = call("GET", f"{self.url}/loki/api/v1/query?{query}", timeout=60)
        if status != 200:
            raise Failure(f"the evaluation fails with {status}: {text[:500]}\n{expr}")
        data = json.loads(text)["data"]
        if data["resultType"] != "vector":
            raise Failure(f"no vector, but {data['resultType']}:\n{expr}")
        return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]


def relocated(config, folder):
    """Returns the shipped configuration with its folders moved; flags change the rest, since they win over the file."""
    moved = re.sub(r"(?<![\w./-])/loki(?=[/\s\"']|$)", str(folder), config, flags=re.MULTILINE)
    if moved == config:
        raise Failure("stack/loki/loki.yaml keeps nothing in /loki: this test would write elsewhere")
    return moved


def rules_folder():
    return pathlib.Path(ROOT) / "alert-rules" / "loki"
