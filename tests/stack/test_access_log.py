"""What Alloy makes of Caddy's access log, worked out from its file on the lines that a real Caddy writes.

Alloy is not here: of its stages, those that this needs are followed by hand.
"""
import http.client
import json
import os
import re
import unittest

from stack import read, scratch_folder, tool
from programs import Program, free_port, until

SITE = """{
	admin off
}
http://:%d {
	bind 127.0.0.1
	log {
		output file %s
		format json
	}
	respond /missing 404
	respond "here"
}
"""


class Pipeline:
    """The stages of loki.process in Alloy's file."""

    def __init__(self, text):
        process = text.partition('loki.process "caddy" {')[2].partition("\n}\n")[0]
        self.fields = dict(re.findall(r'(\w+) += "([\w.]+)",', process.partition("stage.json")[2].partition("}")[0]))
        self.lower = re.findall(
            r'stage.template \{\s+source += "(\w+)"\s+template = "\{\{ ToLower .Value \}\}"', process)
        self.patterns = [(source, pattern.replace("\\\\", "\\")) for source, pattern in re.findall(
            r'stage.regex \{\s+source += "(\w+)"\s+expression = "(.+)"', process)]
        self.names = re.findall(r'(\w+) = ""', process.partition("stage.labels")[2].partition("}")[0])

    def labels(self, line):
        """Returns the labels of one line."""
        values = {}
        for name, path in self.fields.items():
            value = json.loads(line)
            for key in path.split("."):
                value = value[key]
            values[name] = str(value)
        for name in self.lower:
            values[name] = values[name].lower()
        for source, pattern in self.patterns:
            if found := re.search(pattern, values[source]):
                values.update(found.groupdict())
        return {name: values[name] for name in self.names if name in values}


class AccessLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = scratch_folder("access-log", cls.addClassCleanup)
        cls.port, cls.log, config = free_port(), folder / "access.log", folder / "Caddyfile"
        config.write_text(SITE % (cls.port, cls.log))
        caddy = Program("caddy", [tool("caddy", "caddy"), "run", "--config", config, "--adapter", "caddyfile"], folder,
                        {"PATH": os.environ["PATH"], "HOME": str(folder)})
        cls.addClassCleanup(caddy.stop)
        caddy.start()
        until("Caddy answers", lambda: caddy.must_run() or cls.ask("GET", "/", "localhost") == 200, within=20)
        cls.pipeline = Pipeline(read("stack/alloy/config.alloy"))

    @classmethod
    def ask(cls, method, path, host):
        connection = http.client.HTTPConnection("127.0.0.1", cls.port, timeout=5)
        try:
            connection.request(method, path, headers={"Host": host})
            return connection.getresponse().status
        finally:
            connection.close()

    def line(self, method, path, host):
        """Asks, and returns the line that Caddy writes of it."""
        before = len(self.log.read_text().splitlines())
        self.ask(method, path, host)
        return until("the line is written", lambda: self.log.read_text().splitlines()[before:], within=10)[0]

    def test_a_line_gets_status_method_and_host(self):
        for method, path, status in (("GET", "/", "200"), ("POST", "/missing", "404"), ("DELETE", "/x", "200")):
            labels = self.pipeline.labels(self.line(method, path, "shop.example.org"))
            self.assertEqual(labels, {"status": status, "method": method, "host": "shop.example.org"})

    def test_hosts_are_told_apart_without_case_and_port(self):
        for host in ("Example.ORG", "example.org:443", "eXample.org:8443"):
            self.assertEqual(self.pipeline.labels(self.line("GET", "/", host))["host"], "example.org")

    def test_what_somebody_invents_is_no_label(self):
        labels = self.pipeline.labels(self.line("BREW", "/", "a_b"))
        self.assertEqual(labels, {"status": "200"})

    def test_the_time_is_that_of_the_request(self):
        self.assertRegex(json.dumps(json.loads(self.line("GET", "/", "localhost"))[self.pipeline.fields["time"]]),
                         r"^\d{10}\.\d+$")


if __name__ == "__main__":
    unittest.main()
