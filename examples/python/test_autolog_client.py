"""Tests of when the client is verbose and when it asks, against a real HTTP server.

    python3 -m unittest discover examples/python
"""
import logging
import unittest

import autolog_client
from client_testing import ClientTest, Reply, quiet, session


class Leases(ClientTest):
    def test_a_new_client_is_not_verbose_and_asks_for_its_own_target(self):
        client = self.client(token="not-a-real-token")
        self.assertFalse(self.verbose())
        self.poll(client, quiet())
        self.assertEqual(self.server.requests[-1].path, "/api/autolog/check?app=shop&environment=production")
        self.assertEqual(self.header("Authorization"), "Bearer not-a-real-token")

    def test_a_session_makes_loggers_verbose_until_the_deadline_and_no_longer(self):
        client = self.client()
        self.poll(client, session(600))
        self.assertTrue(self.verbose())
        self.now += 599.9
        client.tick()
        self.assertTrue(self.verbose())
        self.now += 0.1
        client.tick()
        self.assertFalse(self.verbose())

    def test_the_deadline_counts_from_before_the_request(self):
        client = self.client()
        fetch = client._fetch

        def slow_fetch():
            reply = fetch()
            self.now += 4
            return reply

        client._fetch = slow_fetch
        self.poll(client, session(10))
        self.now = 1009.9
        client.tick()
        self.assertTrue(self.verbose())
        self.now = 1010
        client.tick()
        self.assertFalse(self.verbose())

    def test_the_age_a_cache_added_shortens_the_lease(self):
        client = self.client()
        reply = session(600)
        self.poll(client, reply._replace(headers={"Age": "590"}))
        self.now += 10
        client.tick()
        self.assertFalse(self.verbose())

    def test_a_later_answer_replaces_deadline_and_level_without_another_info_line(self):
        client = self.client()
        self.poll(client, session(600), session(20, level="trace"))
        self.assertEqual(self.logger.level, 5)
        self.assertEqual(self.lines.levels, [logging.INFO])
        self.now += 20
        client.tick()
        self.assertFalse(self.verbose())

    def test_enabled_false_ends_a_session_at_once(self):
        client = self.client()
        self.poll(client, session(), quiet())
        self.assertFalse(self.verbose())

    def test_a_304_changes_nothing_and_sends_the_etag_back(self):
        client = self.client()
        self.poll(client, session(30))
        self.now += 10
        self.poll(client, Reply(304))
        self.assertEqual(self.header("If-None-Match"), 'W/"r1"')
        self.assertTrue(self.verbose())
        self.now += 20
        client.tick()
        self.assertFalse(self.verbose())

    def test_a_lease_that_ran_out_drops_the_etag(self):
        client = self.client()
        self.poll(client, session(30))
        self.now += 30
        self.poll(client, quiet())
        self.assertIsNone(self.header("If-None-Match"))

    def test_a_session_without_a_usable_expiry_is_a_mini_lease_that_each_answer_renews(self):
        for missing in (None, "600", True, float("nan")):
            with self.subTest(missing=missing):
                client = self.client()
                self.poll(client, session(missing))
                self.now += 44
                self.poll(client, session(missing))
                self.now += 44
                client.tick()
                self.assertTrue(self.verbose())
                self.now += 1
                client.tick()
                self.assertFalse(self.verbose())

    def test_a_session_that_has_already_ended_opens_nothing(self):
        for n in (0, -5):
            self.poll(self.client(), session(n))
            self.assertFalse(self.verbose())
        self.assertEqual(self.lines.levels, [])

    def test_an_unknown_level_means_debug_and_one_warning_and_unknown_fields_mean_nothing(self):
        client = self.client()
        self.poll(client, session(level="shout", colour="red"), session(level="shout"))
        self.assertEqual(self.logger.level, logging.DEBUG)
        self.assertEqual(self.lines.levels.count(logging.WARNING), 1)

    def test_an_endpoint_session_leaves_the_global_level_alone(self):
        client = self.client()
        self.poll(client, quiet(endpoints=[{"endpoint": "/orders", "level": "debug", "expires_in_seconds": 600}]))
        self.assertFalse(self.verbose())

    def test_our_own_cap_ends_a_session_and_only_a_new_session_id_opens_again(self):
        client = self.client(max_session=100)
        self.poll(client, session(600))
        self.assertEqual(self.lines.levels.count(logging.WARNING), 1)
        self.now += 60
        self.poll(client, session(600))
        self.now += 40
        self.poll(client, session(600))
        self.assertFalse(self.verbose())
        self.poll(client, session(600, session_id="01B"))
        self.assertTrue(self.verbose())

    def test_a_server_without_session_ids_starts_anew_after_enabled_false(self):
        client = self.client(max_session=100)
        self.poll(client, session(600, session_id=None))
        self.now += 100
        self.poll(client, session(600, session_id=None))
        self.assertFalse(self.verbose())
        self.poll(client, quiet(), session(600, session_id=None))
        self.assertTrue(self.verbose())

    def test_close_restores_the_level_before_it_returns_and_no_late_answer_raises_it_again(self):
        client = self.client()
        self.poll(client, session())
        client.close()
        self.assertFalse(self.verbose())
        self.poll(client, session())
        self.assertFalse(self.verbose())


class Failures(ClientTest):
    def test_failures_leave_the_state_as_it_is_and_back_off(self):
        bad = [Reply(500), Reply(302, b"", {"Location": "/"}), Reply(204), Reply(200, b"{"), Reply(200, b"[]"),
               Reply(200, b"[" * 99999), Reply(200, b'{"enabled":"yes"}')]
        for before, verbose in ((session(9999), True), (quiet(), False)):
            client = self.client()
            self.poll(client, before)
            pauses = [self.poll(client, reply) for reply in bad]
            self.assertEqual(pauses, [30, 60, 120, 240, 300, 300, 300])
            self.assertEqual(self.verbose(), verbose)
            self.assertEqual(self.poll(client, Reply(304)), 15 * 1.1)
            self.assertEqual(self.poll(client, Reply(500)), 30)
            client.close()

    def test_a_server_that_is_gone_neither_starts_nor_extends_a_session(self):
        client = self.client()
        self.poll(client, session(30))
        self.server.close()
        self.now += 29
        self.assertEqual(client.poll(), 30)
        self.assertTrue(self.verbose())
        self.now += 1
        client.tick()
        self.assertFalse(self.verbose())

    def test_an_answer_that_comes_after_the_timeout_is_discarded(self):
        client = self.client()
        fetch = client._fetch

        def late_fetch():
            self.now += autolog_client.TIMEOUT + 1
            return fetch()

        client._fetch = late_fetch
        self.poll(client, session())
        self.assertFalse(self.verbose())

    def test_retry_after_is_a_floor_up_to_fifteen_minutes(self):
        client = self.client()
        for status, value, pause in ((503, "120", 120), (429, "5", 60), (503, "99999", 900), (503, "soon", 240)):
            self.assertEqual(self.poll(client, Reply(status, b"", {"Retry-After": value})), pause)

    def test_a_refusal_leaves_the_state_asks_every_five_minutes_and_warns_once(self):
        for status in (401, 403, 404, 410):
            client = self.client()
            self.poll(client, session(9999))
            for _ in range(3):
                self.now += 301
                self.assertAlmostEqual(self.poll(client, Reply(status)), 330)
            self.assertTrue(self.verbose())
            self.assertEqual(self.lines.levels.count(logging.WARNING), 1)
            self.lines.levels.clear()
            client.close()

    def test_warnings_are_never_worse_than_warning_and_at_most_one_in_five_minutes(self):
        client = self.client()
        for _ in range(61):
            self.poll(client, Reply(500))
            self.now += 10
        self.assertEqual(self.lines.levels, [logging.WARNING] * 3)


class Pauses(ClientTest):
    def test_the_server_chooses_the_interval_within_bounds_and_it_is_kept(self):
        client = self.client(uniform=lambda low, high: 1)
        self.assertEqual(self.poll(client, quiet()), 15)
        self.assertEqual(self.poll(client, quiet(poll_interval_seconds=60)), 60)
        self.assertEqual(self.poll(client, Reply(304)), 60)
        self.assertEqual(self.poll(client, quiet(poll_interval_seconds="soon")), 60)
        self.assertEqual(self.poll(client, quiet(poll_interval_seconds=1)), 5)
        self.assertEqual(self.poll(client, quiet(poll_interval_seconds=9999)), 300)

    def test_the_next_poll_is_at_the_deadline_when_that_comes_first(self):
        client = self.client()
        self.assertEqual(self.poll(client, session(7)), 7)


if __name__ == "__main__":
    unittest.main()
