"""The shipped rules and routes, read by a real Prometheus and Alertmanager, with only addresses and paths replaced."""
import datetime
import re

from alertmanager import start_alertmanager, start_prometheus, wait_ready
from double import Double
from programs import call, get_json, until
from steps import must, step
from world import ROOT, Autolog, World

SAMPLE = ('http_server_request_duration_seconds_count{service_name="shop",deployment_environment_name="production",'
          'http_route="/orders",http_response_status_code="%s"} %d\n')


class Counter(Double):
    """Shows an application's requests as an SDK counts them: no series of errors before the first error."""

    def __init__(self):
        self.errors = 0
        super().__init__()

    def answer(self, path, headers, body):
        text = SAMPLE % ("200", 1000) + (SAMPLE % ("500", self.errors) if self.errors else "")
        return 200, {"Content-Type": "text/plain; version=0.0.4"}, text.encode()


class ShippedWorld(World):
    """autolog on its embedded store behind the shipped configuration."""

    def open(self, folder):
        self.autolog = self.run(Autolog(folder, f"redb:{folder / 'data' / 'autolog.redb'}", self.ttl))
        name = "alertmanager-bearer.yml" if self.version == "0.25" else "alertmanager.yml"
        config = (ROOT / "alertmanager" / name).read_text()
        for shipped, here in (("http://autolog:5000", self.autolog.url),
                              ("/run/secrets/autolog_webhook_secret", str(self.autolog.secret_file))):
            must(shipped in config, f"{name} does not name {shipped}")
            config = config.replace(shipped, here)
        self.alertmanager = self.keep(start_alertmanager(self.version, folder, config))
        self.counter = Counter()
        self.prometheus = self.keep(start_prometheus(self.version, folder, self.alertmanager, [
            ("otel", f"127.0.0.1:{self.counter.server_port}", {"cluster": "main"}),
            ("autolog", f"127.0.0.1:{self.autolog.admin_port}", {"cluster": "main"})],
            ROOT / "alert-rules" / "prometheus" / "*.yml"))
        wait_ready(self.alertmanager, self.prometheus)
        self.autolog.ready()

    def alerts(self):
        """Returns what Alertmanager knows, by name."""
        alerts = get_json(f"{self.alertmanager.url}/api/v2/alerts")
        return {alert["labels"]["alertname"]: alert for alert in alerts}

    def posts(self, name, **labels):
        """Posts an alert to Alertmanager, as Prometheus would."""
        now = datetime.datetime.now(datetime.timezone.utc)
        ends = now + datetime.timedelta(minutes=5)
        alert = {"labels": {"alertname": name, "cluster": "main", **labels}, "endsAt": ends.isoformat()}
        status, text = call("POST", f"{self.alertmanager.url}/api/v2/alerts", [alert])
        must(status == 200, f"alertmanager answers {status}: {text}")


def opens_by_the_shipped_rules(version):
    """The eleventh failed request opens a session, through the rules and routes as they are shipped."""
    with ShippedWorld(version, ttl=60) as world:
        with step("Prometheus finds Alertmanager"):  # what fires before that is sent a minute later
            managers = f"{world.prometheus.url}/api/v1/alertmanagers"
            until("Alertmanager is found", lambda: get_json(managers)["data"]["activeAlertmanagers"], within=15)
        if version != "0.25":  # its Prometheus does not tell all sizes: PrometheusStorageNearFull is silent there
            with step("what the rules read of Prometheus and Alertmanager exists"):
                exist(named_by_rules(), world.prometheus, world.alertmanager)
        with step("the watchdog's webhook arrives"):
            world.posts("Watchdog", severity="none", category="infrastructure")
            until("the watchdog was seen",
                  lambda: world.sample("autolog_watchdog_last_seen_timestamp_seconds"), within=10)
        with step("a part of the stack fails: warnings about applications of its cluster are inhibited, and no others"):
            world.posts("SlowResponseTime", severity="warning", category="application", app="shop", cluster="other")
            world.posts("HighMemoryUsage", severity="warning", category="application", app="shop", cluster="")
            world.posts("ObservabilityComponentDown", severity="critical", category="infrastructure")
            world.posts("HighErrorRate", severity="warning", category="application", app="shop")
            until("the warning is inhibited",
                  lambda: world.alerts()["HighErrorRate"]["status"]["inhibitedBy"], within=10)
            known = world.alerts()
            for name in ("SlowResponseTime", "HighMemoryUsage"):
                must(not known[name]["status"]["inhibitedBy"], f"{name}, of another cluster, is inhibited")
        counted = 'sum(http_server_request_duration_seconds_count{http_response_status_code="500"}) == %d'
        with step("ten requests fail: no session"):
            world.counter.errors = 10
            until("Prometheus has counted ten", lambda: world.sample(counted % 10), within=10)
            until("the rules were evaluated again", evaluated_again(world), within=25)  # triggers are every 15 s
            must(not world.alerts().get("RepeatedErrors"), "the alert fires after ten failed requests")
        with step("the eleventh fails: a session is open, and not inhibited"):
            world.counter.errors = 11
            session = until("the shop has a session", world.autolog.session, within=30)
            must(session["holders"][0]["alert"]["endpoint"] == "/orders", f"unexpected holders: {session}")
            must(not world.alerts()["RepeatedErrors"]["status"]["inhibitedBy"], "the alert is inhibited")
        with step("a smoke test's alert opens a session as well"):
            world.posts("FatalErrorDetected", severity="critical", category="application", autolog="true",
                        app="smoke-1", environment="production")
            until("the smoke test has a session", lambda: world.autolog.check("smoke-1")["enabled"], within=10)


def named_by_rules():
    """Returns the metrics of Prometheus and Alertmanager that rules name."""
    text = "".join(path.read_text() for path in (ROOT / "alert-rules" / "prometheus").iterdir())
    names = set(re.findall(r"\b(?:prometheus|alertmanager)_[a-z_]+", text))
    must(len(names) > 5, f"the rules name only {sorted(names)}")
    return names


def exist(names, *programs):
    exposed = "".join(call("GET", f"{program.url}/metrics")[1] for program in programs)
    missing = {name for name in names if not re.search(rf"^{name}[{{ ]", exposed, re.MULTILINE)}
    must(not missing, f"no program exposes {sorted(missing)}")


def evaluated_again(world):
    """Returns a probe that turns true once the rules were evaluated from now on."""
    def last():
        groups = get_json(f"{world.prometheus.url}/api/v1/rules")["data"]["groups"]
        return min(group["lastEvaluation"] for group in groups)

    before = datetime.datetime.now(datetime.timezone.utc).isoformat()
    return lambda: last()[:23] > before[:23]
