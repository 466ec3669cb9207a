"""Tests of the rules on logs without a Loki, and of what loki.py will push and expect where there is one."""
import pathlib
import re
import unittest

import loki_cases
import loki_logs
import loki_program
import loki_rules

RULES = loki_rules.read()
# What a rule asks of a line's level, by the least level that passes.
LEAST = {"FatalErrorDetected": "critical", "AuthenticationErrors": "warn"}

# Windows, bounds, seconds of `for`, severity. No Loki is here to see a change: loki_cases.py must change with these.
SHAPES = {
    "FatalErrorDetected": (["2m"], ["> 0"], 0, "critical"),
    "SustainedHighErrorCount": (["15m"], ["> 100"], 0, "warning"),
    "HighLogErrorRate": (["5m"], ["> 0.1"], 300, "warning"),
    "CriticalErrorDetected": (["5m"], ["> 0"], 60, "critical"),
    "ErrorSpike": (["5m", "5m offset 1h", "5m"], ["> 2", "> 0.05"], 300, "warning"),
    "ErrorsAcrossEnvironments": (["5m"], ["> 0.05", ">= 2"], 300, "critical"),
    "HighErrorRateByEndpoint": (["10m"], ["> 0.5"], 300, "warning"),
    "NewErrorPattern": (["10m", "10m offset 1h"], ["> 5"], 300, "warning"),
    "DatabaseErrors": (["5m"], ["> 0.05"], 300, "critical"),
    "AuthenticationErrors": (["5m"], ["> 0.1"], 300, "warning"),
    "ExternalServiceErrors": (["5m"], ["> 0.05"], 600, "warning"),
    "NoLogsReceived": (["10m offset 1h", "10m"], [], 600, "warning"),
    "DebugLogVolumeHigh": (["5m"], ["> 500000"], 300, "warning"),
}


class Rules(unittest.TestCase):
    def test_the_rules_are_there_and_no_other(self):
        self.assertEqual(sorted(rule.name for rule in RULES), sorted(SHAPES))

    def test_windows_and_bounds_are_those_that_the_cases_are_made_for(self):
        for rule in RULES:
            windows = re.findall(r"\[(\d+[mh])\]( offset 1h)?", rule.expr)
            bounds = re.findall(r"^ *(>=? [\d.]+)$|\)+ (>=? [\d.]+)$", rule.expr, re.MULTILINE)
            found = (["".join(window) for window in windows], ["".join(bound) for bound in bounds], rule.seconds,
                     rule.labels["severity"])
            self.assertEqual(found, SHAPES[rule.name], rule)

    def test_only_rule_files_are_in_the_folder_since_loki_reads_every_file(self):
        self.assertEqual({path.suffix for path in loki_rules.FOLDER.iterdir()}, {".yml"})

    def test_what_opens_sessions_is_evaluated_every_15_s_and_waits_for_nothing(self):
        for rule in RULES:
            with self.subTest(rule=rule):
                if "autolog" in rule.labels:
                    self.assertEqual((rule.seconds, rule.group["interval"], rule.labels["autolog"]), (0, 15, "true"))
                else:
                    self.assertGreater(rule.seconds, 0)
                    self.assertEqual(rule.group["interval"], 60)
                    self.assertGreaterEqual(rule.seconds, rule.group["interval"])

    def test_every_rule_has_what_people_and_routes_need(self):
        for rule in RULES:
            with self.subTest(rule=rule):
                self.assertEqual(rule.labels["app"], "{{ $labels.service_name }}")
                self.assertEqual(rule.labels["category"], "application")
                self.assertIn(rule.labels["severity"], ("warning", "critical"))
                self.assertEqual(set(rule.annotations), {"summary", "description", "runbook_url"})

    def test_every_range_is_summed_up_by_application(self):
        for rule in RULES:
            with self.subTest(rule=rule):
                ranges = re.findall(r"(?:count_over_time|rate|bytes_rate)\(", rule.expr)
                summed = re.findall(r"sum by \(service_name, deployment_environment_name(?:, http_route)?\) "
                                    r"\((?:count_over_time|rate|bytes_rate)\(", rule.expr)
                self.assertTrue(ranges)
                self.assertEqual(len(ranges), len(summed))

    def test_no_rule_looks_at_autolog_or_at_the_stack(self):
        for rule in RULES:
            smoke = 'service_name!="autolog"' if "autolog" in rule.labels else 'service_name!~"autolog|smoke-.+"'
            selectors = re.findall(r"\{service_name[^}]*\}", rule.expr)
            with self.subTest(rule=rule):
                self.assertEqual(set(selectors), {'{service_name=~".+", %s, platform!="stack"}' % smoke})
                self.assertEqual(len(selectors), len(re.findall(r"\[\d+[mh]\]", rule.expr)))

    def test_no_rule_has_a_step_that_can_fail_an_evaluation(self):
        for rule in RULES:
            with self.subTest(rule=rule):
                steps = r"\| *(json|logfmt|unpack|unwrap|pattern|line_format|label_format|decolorize)\b"
                self.assertEqual(re.findall(steps, rule.expr), [])
                self.assertIsNone(re.search(r"\w *(?:>=?|<=?|==) *\d", re.sub(r"\)\s*(?:>=?|<) *[\d.]+", "", rule.expr)))

    def test_one_level_is_told_by_one_filter_in_every_rule(self):
        filters = {text for rule in RULES for text in loki_rules.level_filters(rule.expr)}
        self.assertEqual(len(filters), 5, "fatal, critical, errors, warnings, debug")
        self.assertEqual(len({loki_rules.head_pattern(rule.expr) for rule in RULES if "regexp" in rule.expr}), 1)
        for rule in RULES:
            if rule.name != "NoLogsReceived":
                self.assertEqual(len(loki_rules.level_filters(rule.expr)), len(re.findall(r"\[\d+[mh]\]", rule.expr)))


class Levels(unittest.TestCase):
    """The filters of the rules themselves, on the lines of every SDK."""

    def passes(self, rule, record):
        labels = record.labels()
        found = loki_rules.head_pattern(rule.expr).search(record.body)
        if found:
            labels["text_level"] = found["text_level"]
        return {loki_rules.passes(text, labels) for text in loki_rules.level_filters(rule.expr)}

    def test_every_level_of_every_sdk_counts_as_what_it_is(self):
        at_least = {rule: LEAST.get(rule.name, "error") for rule in RULES if "regexp" in rule.expr}
        for rule, least in at_least.items():
            for record in loki_logs.SDKS:
                wanted = loki_cases.level_of(record.level) >= loki_cases.level_of(least)
                if rule.name == "CriticalErrorDetected":
                    wanted = record.level == "critical"
                if rule.name == "DebugLogVolumeHigh":
                    wanted = record.level == "debug"
                with self.subTest(rule=rule, sdk=record.sdk, body=record.body):
                    self.assertEqual(self.passes(rule, record), {wanted})

    def test_the_lines_are_of_every_kind(self):
        for level in loki_cases.LEVELS:
            self.assertTrue([record for record in loki_logs.SDKS if record.level == level], level)
        self.assertTrue([record for record in loki_logs.SDKS if not record.number and not record.text])

    def test_a_level_is_looked_for_among_the_first_six_words_of_the_first_line(self):
        pattern = loki_rules.head_pattern(RULES[0].expr)
        for line in ("FATAL", "FATAL: x", "  FATAL x", "[FATAL] x", "a b c d e FATAL x", "10:11:12|FATAL|x", "<FATAL> x",
                     "Nov 26 10:11:12 web-1 shop[7]: FATAL: x", "2026-11-26T10:11:12.345+01:00\tFATAL\tx"):
            self.assertEqual((pattern.search(line) or {"text_level": None})["text_level"], "FATAL")
        for line in ("a b c d e f FATAL x", "INFORMATION FATALITY", "NONFATAL x", "first line\nFATAL: second line",
                     '{"FATAL": 1}', "fatal: in small letters", "FATAL_ERRORS=0", "x" * 100_000):
            self.assertIsNone(pattern.search(line), line[:80])
        self.assertEqual(pattern.search("ERROR: FATAL: x")["text_level"], "ERROR")


class Cases(unittest.TestCase):
    def test_what_is_expected_follows_from_the_lines(self):
        for app in loki_cases.APPS:
            with self.subTest(app=app.name):
                self.assertEqual(app.fires, loki_cases.outcome(app))

    def test_every_rule_fires_and_is_silent_for_somebody_who_logs_the_like(self):
        for name in SHAPES:
            firing = [app.name for app in loki_cases.APPS if name in app.fires]
            self.assertTrue(firing, f"{name} never fires")
            self.assertLess(len(firing), len(loki_cases.APPS))

    def test_no_line_is_on_the_edge_of_a_window(self):
        edges = [60 * minutes for minutes in (2, 5, 10, 15, 60, 65, 70)]
        for app in loki_cases.APPS:
            for age, _, _ in app.lines:
                self.assertTrue(all(abs(age - edge) >= 0.05 for edge in edges), f"{app.name}: {age}")

    def test_applications_have_streams_of_their_own_and_no_line_is_too_old_for_its_stream(self):
        names = [app.name for app in loki_cases.APPS]
        self.assertEqual(len(names), len(set(names)))


class Payloads(unittest.TestCase):
    def test_otlp_leaves_out_what_a_record_lacks_and_sends_big_numbers_as_strings(self):
        plain = loki_logs.Record("plain", "fatal", "FATAL: x")
        full = loki_logs.Record(".NET", "critical", "x", "Critical", 21, http__route="/a")
        later, sooner = (1_700_000_000_000_000_002, full), (1_700_000_000_000_000_001, plain)
        body = loki_logs.payload({"service.name": "shop"}, [later, sooner])
        resource = body["resourceLogs"][0]["resource"]["attributes"]
        self.assertEqual(resource, [{"key": "service.name", "value": {"stringValue": "shop"}}])
        first, second = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        self.assertEqual(first["timeUnixNano"], "1700000000000000001")
        self.assertNotIn("severityNumber", first)
        self.assertNotIn("severityText", first)
        self.assertEqual((second["severityNumber"], second["severityText"]), (21, "Critical"))
        self.assertEqual(second["attributes"], [{"key": "http.route", "value": {"stringValue": "/a"}}])


class Configuration(unittest.TestCase):
    def test_a_loki_under_test_writes_to_its_own_folder_only(self):
        shipped = (loki_rules.FOLDER.parents[1] / "stack" / "loki" / "loki.yaml").read_text()
        moved = loki_program.relocated(shipped, pathlib.Path("/scratch/loki"))
        settings = "\n".join(line.partition(" #")[0] for line in moved.splitlines() if not line.startswith("#"))
        folders = set(re.findall(r"(?<![\w:/])/[\w./-]+", settings))
        # Rules are read, not written, and from a folder that a flag names.
        self.assertEqual({folder for folder in folders if not folder.startswith("/scratch/loki")}, {"/etc/alert-rules"})
        self.assertGreater(len(folders), 3)


if __name__ == "__main__":
    unittest.main()
