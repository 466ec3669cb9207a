"""What the tests of the client share: a server that answers as told, and a clock in the test's hand."""
import collections
import contextlib
import http.client
import json
import logging
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import autolog_client
from autolog_client import Client

PATIENCE = 10  # seconds until a test that waits for another thread gives up

Reply = collections.namedtuple("Reply", "status body headers", defaults=(200, b"", {}))


def session(n=600, **fields):
    """Returns a reply that holds a live session of n seconds."""
    answer = {"enabled": True, "level": "debug", "session_id": "01A", "expires_in_seconds": n, **fields}
    answer = {name: value for name, value in answer.items() if value is not None}
    return Reply(200, json.dumps(answer).encode(), {"ETag": 'W/"r1"'})


def quiet(**fields):
    return Reply(200, json.dumps({"enabled": False, **fields}).encode(), {"ETag": 'W/"r0"'})


class Server:
    """Stands in for autolog: answers each request with the next reply; when told to hang, waits for `release`."""

    def __init__(self):
        self.requests, self.replies = [], collections.deque()
        self.asked, self.release = threading.Semaphore(0), threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                stub.requests.append(self)
                reply = stub.replies.popleft() if stub.replies else quiet()
                stub.asked.release()
                if reply == "hang":
                    stub.release.wait(PATIENCE)
                    reply = quiet()
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self.send_response(reply.status)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.release.set()
        self.http.shutdown()
        self.http.server_close()


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.levels = []

    def emit(self, record):
        self.levels.append(record.levelno)


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.now = 1000.0
        self.server = Server()
        self.addCleanup(self.server.close)
        self.logger = logging.getLogger(f"shop{id(self)}")
        self.logger.setLevel(logging.INFO)
        self.lines = Lines()
        autolog_client.LOG.addHandler(self.lines)
        autolog_client.LOG.propagate = False
        self.addCleanup(autolog_client.LOG.removeHandler, self.lines)

    def client(self, **options):
        options.setdefault("clock", lambda: self.now)
        options.setdefault("uniform", lambda low, high: high)
        options.setdefault("loggers", [self.logger.name])
        client = Client(self.server.url, "shop", "production", **options)
        self.addCleanup(client.close)
        return client

    def poll(self, client, *replies):
        """Polls once for each reply and returns the last pause."""
        for reply in replies:
            self.server.replies.append(reply)
            pause = client.poll()
        return pause

    def header(self, name):
        return self.server.requests[-1].headers.get(name)

    def verbose(self):
        return self.logger.isEnabledFor(logging.DEBUG)
