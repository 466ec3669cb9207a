"""The scenarios: what an operator relies on, told step by step against real programs."""
import datetime
import subprocess
import time

from alertmanager import programs
from programs import call, until
from shipped import opens_by_the_shipped_rules
from steps import must, step
from world import GROUP_INTERVAL, POLL, World

DETECTION = 20  # seconds from the first error to a session; a Prometheus that just started scrapes only after five
RETRIES = 10  # seconds for which Alertmanager retries one message: its group_interval, but ten at least
NOTICE = POLL * 1.1 + 4  # seconds until the shop has polled once more, jitter included


def seconds(timestamp):
    """Returns an RFC 3339 time in UTC, with a fraction or without, as seconds since 1970."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")


def opens_by_alert(world):
    """Breaks the shop and follows the trouble from its errors to the session; returns that session."""
    with step("the shop serves, writes INFO only, and has no session"):
        world.shop.writes("INFO", 5)
        must(not world.shop.written("DEBUG"), "there are DEBUG lines without a session")
        must(world.autolog.check()["enabled"] is False, "check says enabled before anything happened")
    with step("the shop breaks: errors, and Prometheus fires the alert"):
        world.shop.fail(on=True)
        world.shop.writes("ERROR", 1)
        until("the alert fires", world.firing, DETECTION)
    with step("Alertmanager posts it, and a session is open"):
        return until("the shop has a session", world.autolog.session, DETECTION)


def from_alert_to_expiry(version):
    """An alert makes the shop verbose, and when the fault is over the session ends by itself."""
    with World(version, ttl=12) as world:
        session = opens_by_alert(world)
        must([holder["source"] for holder in session["holders"]] == ["alert"], f"unexpected holders: {session}")
        with step("the shop writes DEBUG lines"):
            world.shop.writes("DEBUG", 5, within=NOTICE)
        with step("Prometheus sees the session in the service's own metrics"):
            until("autolog_sessions_active is 1", lambda: world.sample("sum(autolog_sessions_active)") == 1, within=5)
            check_metrics(version, world.autolog)
        with step("the fault ends, and the alert is resolved"):
            world.shop.fail(on=False)
            until("no alert fires", lambda: not world.firing(), within=15)
            must(world.autolog.session(), "the session ended with the alert, not by its TTL")
        expires = None
        with step("the session ends by itself"):
            while world.autolog.session():
                answer = world.autolog.check()
                expires = answer.get("expires_at") or expires
                must(time.time() < seconds(expires) + 5, f"the session of {expires} does not end")
                time.sleep(0.2)
            must(world.autolog.check()["enabled"] is False, "check says enabled without a session")
        with step("the shop writes INFO only again, from the end of its lease on"):
            world.shop.writes("INFO", 10)
            last = world.shop.written("DEBUG")[-1]
            late = last - seconds(expires)
            must(late <= 0.5, f"the last DEBUG line came {late:.1f} s after the session's end")
            must(late >= -3, f"the last DEBUG line came {-late:.1f} s before the session's end")


def check_metrics(version, autolog):
    """Lets promtool read the service's metrics."""
    text = call("GET", f"{autolog.admin}/metrics")[1]
    command = [programs(version) / "promtool", "check", "metrics"]
    verdict = subprocess.run(command, input=text, capture_output=True, text=True, timeout=20)
    must(verdict.returncode == 0, f"promtool on the metrics: {verdict.stdout}{verdict.stderr}")


def outlives_a_kill(version, redis):
    """The service is killed while a session is open; the session and the shop's DEBUG lines go on."""
    with World(version, redis=redis, ttl=30) as world:
        before = opens_by_alert(world)
        with step("the shop writes DEBUG lines"):
            world.shop.writes("DEBUG", 5, within=NOTICE)
        with step("autolog is killed; the shop stays at DEBUG on its lease"):
            world.autolog.kill()
            world.shop.writes("DEBUG", 10)
        with step("autolog starts again with the same session"):
            restarted = time.time()
            world.autolog.start()
            world.autolog.ready()
            after = world.autolog.session()
            must(after, "the session is gone")
            must(after["id"] == before["id"], f"another session: {after}, before: {before}")
            must(after["opened_at"] == before["opened_at"], f"opened anew: {after}, before: {before}")
        with step("the shop has polled it again and still writes DEBUG lines"):
            until("the shop polls", lambda: polled_since(world.autolog, restarted), within=4 * NOTICE)
            world.shop.writes("DEBUG", 5)


def polled_since(autolog, moment):
    """Tells whether the shop has polled since a moment."""
    session = autolog.session()
    must(session, "the session ended too early")
    checked = session.get("last_checked_at")
    return checked and seconds(checked) >= int(moment)


def outlives_a_kill_embedded(version):
    """Killed with a session open, on the embedded store: nothing is lost."""
    outlives_a_kill(version, redis=False)


def outlives_a_kill_redis(version):
    """Killed with a session open, on Redis: nothing is lost."""
    outlives_a_kill(version, redis=True)


def survives_the_loss_of_redis(version):
    """Redis is killed while an alert fires: Alertmanager keeps trying, and the trigger is not lost."""
    with World(version, redis=True, ttl=30) as world:
        with step("an operator opens a session for another app"):
            world.autolog.enable("billing", ttl=300)
            billing = until("billing is enabled", lambda: enabled(world, "billing"), within=2)
        with step("Redis is killed; check goes on answering from memory"):
            world.redis.kill()
            must(enabled(world, "billing") == billing, "billing lost its session")
        with step("the shop breaks, and the webhook answers 503 for longer than Alertmanager retries one message"):
            world.shop.fail(on=True)
            until("the alert fires", world.firing, DETECTION)
            until("Alertmanager gets a 503", lambda: world.alertmanager.logged("status code 503"), DETECTION)
            until("Alertmanager gives this message up", lambda: world.alertmanager.logged("Notify for alerts failed"),
                  within=RETRIES + 5)
            until("check says that it is stale", lambda: world.autolog.check()["stale"], within=8)
            must(not world.autolog.check()["enabled"], "a session was opened without the store")
        with step(f"Redis is back, and within {GROUP_INTERVAL + 5} s the session is open"):
            world.redis.start()
            until("the shop has a session", lambda: enabled(world, "shop"), GROUP_INTERVAL + 5)
        with step("the shop writes DEBUG lines, and the other session is the same"):
            world.shop.writes("DEBUG", 5, within=4 * NOTICE)
            must(enabled(world, "billing") == billing, "billing has another session")
            must(not world.autolog.check()["stale"], "check still says that it is stale")


def enabled(world, app):
    """Returns the id of an app's session as `check` tells it, or None."""
    answer = world.autolog.check(app)
    return answer["session_id"] if answer["enabled"] else None


ALL = [from_alert_to_expiry, outlives_a_kill_embedded, outlives_a_kill_redis, survives_the_loss_of_redis,
       opens_by_the_shipped_rules]
