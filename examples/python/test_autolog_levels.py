"""Tests of what the client does to loggers, of its threads, and of its configuration."""
import logging
import os
import threading
import time
import unittest
from unittest import mock

import autolog_client
from client_testing import PATIENCE, ClientTest, quiet, session


class Levels(ClientTest):
    def test_a_logger_that_is_already_more_verbose_stays_so(self):
        self.logger.setLevel(5)
        client = self.client()
        self.poll(client, session())
        self.assertEqual(self.logger.level, 5)
        self.poll(client, quiet())
        self.assertEqual(self.logger.level, 5)

    def test_a_level_somebody_else_sets_becomes_the_one_to_return_to(self):
        client = self.client()
        self.poll(client, session())
        self.logger.setLevel(logging.ERROR)
        client.tick()
        self.assertEqual(self.logger.level, logging.DEBUG)
        self.poll(client, quiet())
        self.assertEqual(self.logger.level, logging.ERROR)

    def test_a_level_set_just_before_the_end_is_not_overwritten(self):
        client = self.client()
        self.poll(client, session())
        self.logger.setLevel(logging.ERROR)
        client.close()
        self.assertEqual(self.logger.level, logging.ERROR)

    def test_a_logger_without_a_level_of_its_own_gets_none_back(self):
        self.logger.setLevel(logging.NOTSET)
        client = self.client()
        self.poll(client, session())
        self.assertTrue(self.verbose())
        self.poll(client, quiet())
        self.assertEqual(self.logger.level, logging.NOTSET)

    def test_a_verbose_root_logger_spares_the_client_itself_and_noisy_libraries(self):
        self.addCleanup(logging.root.setLevel, logging.root.level)
        logging.root.setLevel(logging.WARNING)
        noisy, app = logging.getLogger("urllib3.connectionpool"), logging.getLogger("shop.db")
        client = self.client(loggers=[""])
        self.poll(client, session(), session(level="trace"), session())
        self.assertTrue(app.isEnabledFor(logging.DEBUG))
        self.assertFalse(noisy.isEnabledFor(logging.INFO))
        self.assertFalse(autolog_client.LOG.isEnabledFor(logging.DEBUG))
        client.close()
        self.assertEqual(logging.root.level, logging.WARNING)
        self.assertEqual(logging.getLogger("urllib3").level, logging.NOTSET)


class Running(ClientTest):
    """The client's own threads, with the real clock."""

    def running(self):
        return self.client(clock=time.monotonic, uniform=lambda low, high: low).start()

    def asked(self):
        self.assertTrue(self.server.asked.acquire(timeout=PATIENCE), "the client did not poll")

    def until(self, condition):
        give_up = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < give_up:
            time.sleep(0.005)
        self.assertTrue(condition())

    def test_a_lease_ends_by_itself_while_a_request_hangs(self):
        self.server.replies += [session(0.5, poll_interval_seconds=0.01), "hang"]
        with mock.patch.object(autolog_client, "SHORTEST", 0.01):
            client = self.running()
            self.asked()
            self.asked()  # this request is never answered
            deadline = client.deadline
            self.assertTrue(self.verbose())
            self.until(lambda: not self.verbose())
        self.assertGreaterEqual(time.monotonic(), deadline)
        self.assertIsNone(client.deadline)

    def test_starting_does_not_wait_for_the_server(self):
        self.server.replies += ["hang"]
        self.running()
        self.asked()
        self.assertFalse(self.server.release.is_set())

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_forked_child_polls_by_itself(self):
        self.server.replies += [quiet()]
        self.running()
        self.asked()
        child = os.fork()
        if child == 0:
            threading.Event().wait(PATIENCE)
            os._exit(0)
        try:
            self.asked()
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)


class Configuration(unittest.TestCase):
    def test_without_a_url_or_switched_off_nothing_runs(self):
        on = {"AUTOLOG_URL": "http://127.0.0.1:9", "AUTOLOG_APP": "shop", "AUTOLOG_ENVIRONMENT": "production"}
        with mock.patch.object(autolog_client, "Client") as client, self.assertLogs(autolog_client.LOG) as lines:
            for off in ("AUTOLOG_URL", "AUTOLOG_APP", "AUTOLOG_ENVIRONMENT"):
                self.assertIsNone(autolog_client.start({**on, off: ""}))
            self.assertIsNone(autolog_client.start({**on, "AUTOLOG_ENABLED": "false"}))
        client.assert_not_called()
        self.assertEqual(len(lines.output), 2)

    def test_the_environment_sets_the_client_up(self):
        client = autolog_client.start({
            "AUTOLOG_URL": "http://127.0.0.1:9/", "OTEL_SERVICE_NAME": "shop", "AUTOLOG_ENVIRONMENT": "a b",
            "AUTOLOG_LOGGERS": "shop, pay", "AUTOLOG_POLL_SECONDS": "7", "AUTOLOG_MAX_SESSION_SECONDS": "60"})
        self.addCleanup(client.close)
        self.assertEqual(client.url, "http://127.0.0.1:9/api/autolog/check?app=shop&environment=a+b")
        self.assertEqual([logger.name for logger in client.verbosity.loggers], ["shop", "pay"])
        self.assertEqual((client.interval, client.max_session), (7, 60))


if __name__ == "__main__":
    unittest.main()
