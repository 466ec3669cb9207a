"""Makes an application's loggers verbose while autolog says so. Standard library only, Python 3.9 or newer.

    client = autolog_client.start()     # configured by the environment; never blocks, never raises

A thread polls `GET /api/autolog/check`. A 200 with `enabled` is a lease: loggers go verbose until its end, counted on
this process's monotonic clock from the instant before the request was sent. It ends by itself, also when autolog hangs
or is gone; errors never start, extend or end one. Loggers are only ever made more verbose, and get back the level they
had, or the one somebody else gave them meanwhile. Handlers must let DEBUG through. Endpoint sessions change nothing.

Environment: AUTOLOG_URL (unset: off), AUTOLOG_APP (or OTEL_SERVICE_NAME), AUTOLOG_ENVIRONMENT, AUTOLOG_TOKEN (or
AUTOLOG_TOKEN_FILE, whose first line counts), AUTOLOG_LOGGERS (comma-separated, children follow; default: the root logger), AUTOLOG_POLL_SECONDS (15),
AUTOLOG_MAX_SESSION_SECONDS (14400: a cap of your own on one session), AUTOLOG_ENABLED (`false`: off).
"""
import json
import logging
import math
import os
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

LOG = logging.getLogger("autolog_client")
LOG.setLevel(logging.INFO)  # of its own, so that a verbose root logger does not reach the client itself
LEVELS = {"debug": logging.DEBUG, "trace": 5}
QUIET = ("asyncio", "botocore", "grpc", "h2", "httpcore", "httpx", "opentelemetry", "urllib3")  # stay as they are
TIMEOUT, SHORTEST, LONGEST, LONGEST_RETRY_AFTER, WARN_EVERY = 5, 5, 300, 900, 300  # seconds


class Verbosity:
    """Makes loggers verbose, and keeps what level each gets back."""

    def __init__(self, names):
        self.loggers, self.given = [logging.getLogger(name) for name in names], {}  # logger -> (its own, ours)
        self.quiet = [logging.getLogger(name) for name in QUIET if logging.root in self.loggers]

    def lift(self, level):
        """Makes the loggers at least as verbose as `level`; again, it takes in what others changed meanwhile."""
        give = {logger: self._own(logger) or self._own(logging.root) for logger in self.quiet}
        for logger in self.loggers:
            above = logger.parent.getEffectiveLevel() if logger.parent else 0
            give[logger] = min(self._own(logger) or above, level)
        for logger, ours in give.items():
            self.given[logger] = self._own(logger), ours
            logger.setLevel(ours)

    def restore(self):
        for logger, (own, ours) in self.given.items():
            if logger.level == ours:
                logger.setLevel(own)
        self.given = {}

    def _own(self, logger):
        own, ours = self.given.get(logger, (logger.level, logger.level))
        return own if logger.level == ours else logger.level


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None  # makes a redirect an HTTPError like any other


class Client:
    """Polls for one app and environment; times are in seconds, and `clock` and `uniform` are there for tests."""

    def __init__(self, url, app, environment, token="", loggers=("",), interval=15.0, max_session=14400.0,
                 clock=time.monotonic, uniform=random.uniform):
        query = urllib.parse.urlencode({"app": app, "environment": environment})
        self.url, self.token, self.verbosity = f"{url.rstrip('/')}/api/autolog/check?{query}", token, Verbosity(loggers)
        self.interval, self.max_session, self.clock, self.uniform = interval, max_session, clock, uniform
        self.changed, self.closed = threading.Condition(), False  # the condition also guards all that follows
        self.deadline = self.level = self.etag = self.session = None  # no deadline: not verbose
        self.began, self.failures, self.warned_at, self.warned = 0.0, 0, -math.inf, set()

    def start(self, forked=False):
        """Starts the two threads, and lets every forked child start its own."""
        self.changed = threading.Condition()  # the parent's might have been held at the fork
        for loop in (self._keep_polling, self._keep_time):
            threading.Thread(target=loop, name="autolog", daemon=True).start()
        if not forked and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: self.closed or self.start(forked=True))
        return self

    def close(self):
        """Stops the client and gives the loggers their levels back before it returns."""
        with self.changed:
            self.closed = True
            self._end("the client was closed")

    def tick(self):
        """Ends a lease that has run out; one that has not takes in loggers that were reconfigured meanwhile."""
        with self.changed:
            if self.deadline is not None and self.clock() < self.deadline:
                self.verbosity.lift(self.level)
            elif self.deadline is not None:
                self.etag = None  # the next poll asks for the whole state
                self._end("its time is up")

    def poll(self):
        """Asks once and returns how long to wait before the next poll."""
        self.tick()
        sent = self.clock()
        try:
            status, headers, body = self._fetch()
            if self.clock() > sent + TIMEOUT:
                raise TimeoutError("the answer came too late")
            with self.changed:
                if status in (401, 403, 404, 410):
                    self._warn(f"autolog answers {status}: check the URL and the token", once=True)
                    return LONGEST * self.uniform(0.9, 1.1)
                if status not in (200, 304):
                    return self._failed(f"autolog answers {status}", headers if status in (429, 503) else {})
                if status == 200 and not self.closed:
                    self._accept(json.loads(body), headers, sent)
                self.failures = 0
                pause = min(max(self.interval, SHORTEST), LONGEST) * self.uniform(0.9, 1.1)
                return pause if self.deadline is None else max(0.0, min(pause, self.deadline - self.clock()))
        except Exception as error:  # whatever came back, the thread lives on and the state stays
            return self._failed(f"autolog gives no answer: {error}", {})

    def _fetch(self):
        headers = {"Authorization": f"Bearer {self.token}" if self.token else "", "If-None-Match": self.etag or ""}
        request = urllib.request.Request(self.url, headers={name: text for name, text in headers.items() if text})
        try:
            with urllib.request.build_opener(NoRedirects).open(request, timeout=TIMEOUT) as reply:
                return reply.status, reply.headers, reply.read(1 << 20)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, b""

    def _accept(self, answer, headers, sent):
        if not isinstance(answer, dict) or not isinstance(answer.get("enabled"), bool):
            raise ValueError("not an answer to check")
        self.interval = _number(answer.get("poll_interval_seconds")) or self.interval
        self.etag = headers.get("ETag")
        if not answer["enabled"]:
            self.session = self.session or None  # without an id, the next session counts as a new one
            return self._end("autolog says so")
        if (answer.get("session_id") or "") != self.session:
            self.session, self.began = answer.get("session_id") or "", sent
        lease = _number(answer.get("expires_in_seconds"))
        lease = 3 * max(self.interval, SHORTEST) if lease is None else lease - (_seconds(headers.get("Age")) or 0)
        if sent + lease > self.began + self.max_session:
            self._warn(f"session {self.session} is cut to our own limit of {self.max_session:.0f} s", once=True)
        if str(answer.get("level")).lower() not in LEVELS:
            self._warn("autolog names an unknown level, taking debug", once=True)
        was_open, self.deadline = self.deadline is not None, min(sent + lease, self.began + self.max_session)
        self.level = LEVELS.get(str(answer.get("level")).lower(), logging.DEBUG)
        if not was_open and self.clock() < self.deadline:
            LOG.info("verbose logging begins, for %.0f s: session %s", self.deadline - self.clock(), self.session)
        self.tick()
        self.changed.notify_all()

    def _end(self, why):
        if self.verbosity.given:
            LOG.info("verbose logging ends: %s", why)
        self.verbosity.restore()
        self.deadline = None
        self.changed.notify_all()

    def _failed(self, why, headers):
        self._warn(why)
        self.failures = min(self.failures + 1, 16)
        pause = min(self.interval * 2 ** self.failures, LONGEST) * self.uniform(0.5, 1)
        return max(pause, min(_seconds(headers.get("Retry-After")) or 0, LONGEST_RETRY_AFTER))

    def _warn(self, text, once=False):
        if self.clock() >= self.warned_at + WARN_EVERY and text not in self.warned:
            LOG.warning("%s", text)
            self.warned_at = self.clock()
            self.warned |= {text} if once else set()

    def _keep_polling(self):
        pause = self.uniform(0, min(self.interval, SHORTEST))
        while not self._closed_within(pause):
            pause = self.poll()

    def _closed_within(self, pause):
        with self.changed:
            return self.changed.wait_for(lambda: self.closed, pause)

    def _keep_time(self):
        """Ends leases on time; the polling thread may hang in a request just then."""
        with self.changed:
            while not self.closed:
                self.tick()
                self.changed.wait(None if self.deadline is None else max(0.0, self.deadline - self.clock()))


def _number(value):
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _seconds(text):
    return float(text) if text and text.isdecimal() else None


def _token(env):
    path = env.get("AUTOLOG_TOKEN_FILE")
    if env.get("AUTOLOG_TOKEN") or not path:
        return env.get("AUTOLOG_TOKEN", "")
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError as error:
        LOG.warning("AUTOLOG_TOKEN_FILE cannot be read: %s", error.strerror)
        return ""


def start(env=os.environ):
    """Starts a client as the environment says; returns None when it is switched off or not fully configured."""
    app, environment = env.get("AUTOLOG_APP") or env.get("OTEL_SERVICE_NAME"), env.get("AUTOLOG_ENVIRONMENT")
    if not env.get("AUTOLOG_URL") or env.get("AUTOLOG_ENABLED", "").lower() == "false":
        return None
    if not app or not environment:
        LOG.warning("autolog stays off: AUTOLOG_APP and AUTOLOG_ENVIRONMENT must both be set")
        return None
    names = [name.strip() for name in env.get("AUTOLOG_LOGGERS", "").split(",") if name.strip()]
    return Client(env["AUTOLOG_URL"], app, environment, _token(env), names or [""],
                  _seconds(env.get("AUTOLOG_POLL_SECONDS")) or 15.0,
                  _seconds(env.get("AUTOLOG_MAX_SESSION_SECONDS")) or 14400.0).start()
