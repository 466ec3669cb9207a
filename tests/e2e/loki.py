#!/usr/bin/env python3
"""Runs the shipped rules on logs in a real Loki, and follows their alerts into a session.

    tests/e2e/loki.py

AUTOLOG_LOKI is the Loki to test (default: `loki` on the path); without one this says what is not checked and succeeds.
AUTOLOG_BIN is the service (default: target/debug/autolog). The other programs come from scripts/tools.sh.
"""
import pathlib
import signal
import sys
import tempfile
import time

import loki_cases
import loki_program
import loki_rules
from loki_logs import ERROR, Record
from programs import Failure, call, get_json, until
from shipped import ShippedWorld
from steps import must, passes, step

# What shippers of container logs push, with labels and no severity: labels, line, and the rules that fire.
PLAIN = [
    ({"service_name": "plain", "deployment_environment_name": "production"}, "FATAL: could not start",
     {"FatalErrorDetected"}),
    ({"service_name": "labelled", "deployment_environment_name": "production", "level": "Critical"}, "giving up",
     {"FatalErrorDetected", "CriticalErrorDetected"}),
    ({"service_name": "loki", "platform": "stack"}, "FATAL: of the stack", set()),
]


def fires_and_is_silent(binary):
    """Every expression, asked of a Loki that was given hours of logs: it names who has its cause, and nobody else."""
    rules = loki_rules.read()
    with tempfile.TemporaryDirectory(prefix="autolog-loki-") as scratch:
        loki = loki_program.Loki(binary, pathlib.Path(scratch)).start()
        try:
            with step("Loki starts with the shipped configuration"):
                loki.ready()
            at = int(time.time()) - 200
            with step("logs of 80 minutes are pushed"):
                push(loki, at)
            expected = {rule.name: {app.name for app in loki_cases.APPS if rule.name in app.fires}
                        | {labels["service_name"] for labels, _, fires in PLAIN if rule.name in fires}
                        for rule in rules}
            for rule in rules:
                of_all = f"{len(expected[rule.name])} applications of {len(loki_cases.APPS) + len(PLAIN)}"
                with step(f"{rule} fires for {of_all}"):
                    compare(rule, loki.query(rule.expr, at), expected[rule.name])
            with step("fatal lines are forgotten after two minutes"):
                fatal = next(rule for rule in rules if rule.name == "FatalErrorDetected")
                must(not loki.query(fatal.expr, at + 150), "they are not")
        except Exception:
            print("--- the end of loki.log", *loki.lines()[-40:], sep="\n", flush=True)
            raise
        finally:
            loki.stop()


def push(loki, at):
    total = len(PLAIN)
    for app in loki_cases.APPS:
        environments = {environment for _, environment, _ in app.lines}
        for environment in sorted(environments):
            resource = {"service.name": app.name, "service.instance.id": "e2e"}
            if environment:
                resource["deployment.environment.name"] = environment
            records = [(at - age, record) for age, place, record in app.lines if place == environment]
            loki.push(resource, records)
            total += len(records)
    for labels, line, _ in PLAIN:
        loki.push_plain(labels, at - 30, line)
    everything = 'sum(count_over_time({service_name=~".+"}[3h]))'
    until(f"all {total} lines are found", lambda: loki.query(everything, at + 1) == [({}, total)], within=60, every=1)


def compare(rule, result, expected):
    found = {labels.get("service_name") for labels, _ in result}
    must(found == expected, f"{rule} fires for {sorted(found - expected)} without a cause, "
                            f"and is silent for {sorted(expected - found)}")
    for labels, _ in result:
        more = set(labels) - {"service_name", "deployment_environment_name", "http_route"}
        must(not more, f"{rule} has labels of single lines: {sorted(more)}")


class RulerWorld(ShippedWorld):
    """The shipped world, with a Loki whose ruler knows its Alertmanager."""

    def __init__(self, binary):
        super().__init__("0.33", ttl=60)
        self.binary = binary

    def open(self, folder):
        super().open(folder)
        rules = loki_program.rules_folder()
        self.loki = self.run(loki_program.Loki(self.binary, folder, self.alertmanager.url, rules))
        self.loki.ready()

    def logs(self, app, *records):
        now = time.time()
        resource = {"service.name": app, "deployment.environment.name": "production"}
        self.loki.push(resource, [(now - number / 100, record) for number, record in enumerate(records)])


def opens_by_the_ruler(binary):
    """A fatal line, and 101 errors, open sessions through ruler, routes and intervals as they are shipped."""
    with RulerWorld(binary) as world:
        with step("the ruler has loaded every rule"):
            names = {rule.name for rule in loki_rules.read()}
            rules = f"{world.loki.url}/prometheus/api/v1/rules"
            until("all rules are there", lambda: names == {
                rule["name"] for group in get_json(rules)["data"]["groups"] for rule in group["rules"]}, 90, every=1)
        with step("one FATAL line without a severity: a session within 75 s"):
            world.logs("shop", Record("plain", "fatal", "FATAL: could not start"))
            session = until("the shop has a session", world.autolog.session, within=75)
            must(session["holders"][0]["reason"] == "FatalErrorDetected", f"unexpected holders: {session}")
        with step("the metrics that rules on Loki read exist"):
            text = call("GET", f"{world.loki.url}/metrics")[1]
            for name in ("loki_ruler_managers_total 1", 'loki_ruler_config_last_reload_successful{user="fake"} 1',
                         "loki_prometheus_notifications_errors_total{", "loki_distributor_bytes_received_total{",
                         "loki_prometheus_rule_evaluation_failures_total{"):
                must(name in text, f"{name} is not exposed")
        with step("the alert has the label cluster, and is told to all who want it"):
            alert = world.alerts()["FatalErrorDetected"]
            must(alert["labels"].get("cluster") == "main", f"unexpected labels: {alert['labels']}")
            receivers = {receiver["name"] for receiver in alert["receivers"]}
            must(receivers == {"autolog", "critical", "application"}, f"told to {sorted(receivers)}")
        with step("a hundred errors: no session; one more: a session within 75 s"):
            failed = [Record("Java", "error", f"order {number} failed", "ERROR", ERROR) for number in range(100)]
            world.logs("cart", *failed)
            evaluated = last_evaluation(world)
            until("the rules were evaluated twice since", lambda: last_evaluation(world) > evaluated + 16, 60, every=1)
            must(not world.autolog.check("cart")["enabled"], "a hundred errors opened a session")
            world.logs("cart", Record("Java", "error", "order 100 failed", "ERROR", ERROR))
            until("the cart has a session", lambda: world.autolog.check("cart")["enabled"], within=75)


def last_evaluation(world):
    """Returns the seconds since 1970 at which the triggers were last evaluated."""
    groups = get_json(f"{world.loki.url}/prometheus/api/v1/rules")["data"]["groups"]
    text = next(group["lastEvaluation"] for group in groups if group["name"] == "application-log-triggers")
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every program is ended then, too
    binary = loki_program.find()
    if binary is None:
        print("NOT CHECKED: the rules on logs in a real Loki, since no loki program is here; "
              "set AUTOLOG_LOKI=/path/to/loki")
        return 0
    passed = [passes(scenario, binary) for scenario in (fires_and_is_silent, opens_by_the_ruler)]
    print(f"{passed.count(True)} passed, {passed.count(False)} failed")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"loki.py: {failure}")
