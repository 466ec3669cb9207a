"""Records the webhook bodies that a real Alertmanager sends, byte for byte: record.py VERSION FOLDER.

All times and names are fixed, so a new recording differs only where Alertmanager itself does.
"""
import json
import pathlib
import sys
import tempfile

from alertmanager import start_alertmanager, wait_ready, webhook
from double import Double
from programs import Failure, call, until

STARTED, ENDED, LATER = "2026-11-22T03:12:45.123Z", "2026-11-22T03:31:07.456Z", "2036-01-01T00:00:00Z"
SECRET = "not-a-real-secret-only-for-tests"


class Sink(Double):
    """Keeps every path, head and body that is posted, in order."""

    def __init__(self):
        self.received = []
        super().__init__()

    def answer(self, path, headers, body):
        self.received.append((path, headers, body))
        return 200, {}, b""


def config(version, sink, secret_file):
    """Returns a configuration with one receiver per kind of recording."""
    def receiver(name, path, **more):
        url = f"{sink.url}/webhook/{path}"
        return {"name": name, "webhook_configs": [webhook(version, url, secret_file, **more)]}

    def route(name, alert, *group_by):
        return {"matchers": [f'alertname="{alert}"'], "receiver": name, "group_by": list(group_by),
                "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1s"}

    return {
        "route": {"receiver": "autolog-webhook", "routes": [
            route("watchdog", "Watchdog", "alertname"),
            route("autolog-webhook", "HighErrorRate", "alertname", "app", "environment", "endpoint"),
            route("autolog-webhook", "SlowRequests", "alertname", "app", "environment"),
            route("autolog-webhook", "FatalErrorDetected", "alertname"),
            route("autolog-truncated", "ServerErrors", "alertname")]},
        "receivers": [receiver("autolog-webhook", "autolog"), receiver("watchdog", "watchdog"),
                      receiver("autolog-truncated", "autolog", max_alerts=2)]}


def alert(name, ends=LATER, **labels):
    """Returns an alert in the form of Alertmanager's own API, as a rule of ours would label it."""
    if name != "Watchdog":
        labels = {"autolog": "true", "category": "application", **labels}
    labels = {"alertname": name, **labels}
    return {"labels": labels, "startsAt": STARTED, "endsAt": ends,
            "generatorURL": f"http://prometheus.example:9090/graph?g0.expr={name}&g0.tab=1",
            "annotations": {"summary": f"{name} of {labels.get('app', 'the alerting chain')}",
                            "runbook_url": f"https://runbooks.example/{name}"}}


SHOP = {"app": "shop", "environment": "production", "severity": "critical"}
# Per file: the alerts to post before it, and what tells its message from others.
RECORDINGS = {
    "firing": ([alert("HighErrorRate", endpoint="/api/orders/{id}", **SHOP)],
               lambda message: message["commonLabels"].get("alertname") == "HighErrorRate"),
    # The next message of the same group: Alertmanager repeats what still fires, with the same startsAt.
    "repeated": ([], lambda message: message["commonLabels"].get("alertname") == "HighErrorRate"),
    "resolved": ([alert("HighErrorRate", ENDED, endpoint="/api/orders/{id}", **SHOP)],
                 lambda message: message["status"] == "resolved"),
    "mixed": ([alert("SlowRequests", endpoint="/api/orders", **SHOP),
               alert("SlowRequests", ENDED, endpoint="/api/carts", **SHOP)],
              lambda message: {a["status"] for a in message["alerts"]} == {"firing", "resolved"}),
    "several-targets": ([alert("FatalErrorDetected", severity="critical", app=app, environment=environment, **more)
                         for app, environment, more in (
                             ("shop", "production", {}), ("shop", "staging", {}),
                             ("payments", "production", {"endpoint": "/v1/charges"}),
                             ("payments", "production", {"endpoint": "/v1/refunds"}))],
                        lambda message: len(message["alerts"]) == 4),
    "truncated": ([alert("ServerErrors", endpoint=f"/api/{name}", **SHOP) for name in "abcde"],
                  lambda message: message["truncatedAlerts"] == 3),
    "watchdog": ([alert("Watchdog", severity="none")],
                 lambda message: message["commonLabels"].get("alertname") == "Watchdog"),
}
# Only what was once sent as firing is ever sent as resolved.
FIRST_OF_MIXED = [alert("SlowRequests", endpoint="/api/carts", **SHOP)]


def post(alertmanager, alerts):
    status, text = call("POST", f"{alertmanager.url}/api/v2/alerts", alerts)
    if status != 200:
        raise Failure(f"alertmanager answers {status} to alerts: {text}")


def record(name, alertmanager, sink):
    """Posts the alerts of one recording and returns the first fitting body that arrives after that."""
    alerts, fits = RECORDINGS[name]
    if name == "mixed":
        post(alertmanager, FIRST_OF_MIXED)
        until("the first slow endpoint is sent", lambda: b"/api/carts" in sink.received[-1][2], within=10)
    seen = len(sink.received)
    post(alertmanager, alerts)

    def arrived():
        return next((entry for entry in sink.received[seen:] if fits(json.loads(entry[2]))), None)

    return until(f"the message for {name}", arrived, within=15)


def check_secret(version, headers):
    expected = ("Authorization", f"Bearer {SECRET}") if version == "0.25" else ("X-Webhook-Secret", SECRET)
    if headers.get(expected[0]) != expected[1]:
        raise Failure(f"the webhook did not carry the secret in {expected[0]}")


def main(version, target):
    sink = Sink()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "secret").write_text(SECRET + "\n")
        alertmanager = start_alertmanager(version, folder, config(version, sink, folder / "secret"))
        try:
            wait_ready(alertmanager)
            for name in RECORDINGS:
                _, headers, body = record(name, alertmanager, sink)
                check_secret(version, headers)
                (target / f"{name}.json").write_bytes(body)
                print(f"{target / name}.json: {headers['User-Agent']}, {len(body)} bytes")
        except Failure:
            print("\n".join(alertmanager.lines()[-40:]), file=sys.stderr)
            raise
        finally:
            alertmanager.stop()


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
