"""Starts real programs on free ports, waits for what they do, and ends each by its pid."""
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request


class Failure(Exception):
    """Something did not happen as it should; the text is for the person who reads the test's output."""


class Program:
    """One child process whose output goes to a log file; it can be killed and started again as it was."""

    def __init__(self, name, argv, folder, env=None):
        self.name, self.argv, self.env = name, [str(word) for word in argv], env
        self.log = folder / f"{name}.log"
        self.process = None

    def start(self):
        # A session of its own: Ctrl-C reaches only the test, which then ends its children in order.
        with self.log.open("ab") as log:
            try:
                self.process = subprocess.Popen(
                    self.argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            except OSError as error:
                raise Failure(f"{self.name} cannot be started: {error}") from error
        return self

    def kill(self):
        """Ends the process at once, as a power cut would (SIGKILL)."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends the process in an orderly way (SIGTERM), or by force when that takes more than ten seconds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()

    def must_run(self):
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended with code {self.process.returncode}")

    def lines(self):
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def logged(self, text):
        """Tells whether any line of the log holds a text."""
        return any(text in line for line in self.lines())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, probe, within, every=0.1):
    """Calls `probe` until it returns something true and returns that; fails after `within` seconds.

    A refused connection or an answer that is no JSON counts as "not yet".
    """
    give_up, last = time.monotonic() + within, ""
    while time.monotonic() < give_up:
        try:
            found = probe()
            if found:
                return found
        except (OSError, ValueError) as error:
            last = f" ({error})"
        time.sleep(every)
    raise Failure(f"waited {within:.0f} s for this: {what}{last}")


def call(method, url, body=None, token=None, timeout=5):
    """Sends one request and returns its status and text, also when the status is an error."""
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def get_json(url, token=None):
    """Returns the JSON body of a 200, and fails as "not yet" (see `until`) on anything else."""
    status, text = call("GET", url, token=token)
    if status != 200:
        raise ValueError(f"{url} answers {status}")
    return json.loads(text)


def answers(url):
    """Tells whether a GET is answered with 200."""
    return call("GET", url)[0] == 200


def plain_environment(**variables):
    """Returns this process's environment without any AUTOLOG_ variable, plus the ones given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOLOG_")}
    return {**kept, **{name: str(value) for name, value in variables.items()}}
