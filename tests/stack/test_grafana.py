"""Grafana's files: they fit together, and every query in them is one that its data source understands."""
import json
import re
import shutil
import subprocess
import unittest

from grafana import BUILT_IN, FOLDER, dashboards, metric_names, panels, queries, variables
from metrics import KNOWN
from stack import ROOT, services, tool

UNITS = {"none", "short", "s", "bytes", "Bps", "reqps", "cps", "percentunit"}
ANY = {name: ".*" for name in ("environment", "service", "level", "search")}


class Dashboards(unittest.TestCase):
    def test_each_has_a_fixed_identity_and_is_found_by_its_folder(self):
        identities = {path: dashboard["uid"] for path, dashboard in dashboards().items()}
        self.assertEqual(identities, {
            "Applications/errors.json": "errors", "Applications/logs.json": "logs",
            "Applications/service-overview.json": "service-overview",
            "Autolog/auto-log-sessions.json": "autolog-sessions", "Stack/stack-health.json": "stack-health"})

    def test_each_panel_says_what_it_shows_and_lies_beside_the_others(self):
        for path, dashboard in dashboards().items():
            taken = set()
            for panel in dashboard["panels"]:
                place = panel["gridPos"]
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                         for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(cells & taken, f"{path}: {panel['title']}")
                self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
                taken |= cells
            for panel in panels(dashboard):
                self.assertTrue(panel["title"] and panel["description"].endswith("."), f"{path}: {panel['title']}")
            numbers = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(numbers), len(set(numbers)), path)

    def test_each_number_has_a_unit(self):
        for path, dashboard in dashboards().items():
            for panel in panels(dashboard):
                if panel["type"] in ("stat", "timeseries"):
                    self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS, f"{path}: {panel['title']}")

    def test_each_data_source_is_a_provisioned_one(self):
        known = dict(re.findall(r"^    uid: (\w+)\n    type: (\w+)", datasources(), re.MULTILINE))
        self.assertEqual(set(known), {"prometheus", "loki", "tempo", "alertmanager"})
        for path, dashboard in dashboards().items():
            for source in named(dashboard, "datasource"):
                if isinstance(source, dict):
                    self.assertEqual(known[source["uid"]], source["type"], path)

    def test_each_variable_is_one_of_the_dashboard(self):
        for path, dashboard in dashboards().items():
            known = set(variables(dashboard)) | set(BUILT_IN) | {"__value", "__data"}
            used = set(re.findall(r"(?<!\$)\$\{?(\w+)", json.dumps(dashboard["panels"])))
            self.assertLessEqual(used, known, path)

    def test_each_link_leads_to_a_dashboard_and_its_variables(self):
        known = {dashboard["uid"]: dashboard for dashboard in dashboards().values()}
        links = [url for dashboard in known.values() for url in named(dashboard, "url")]
        self.assertTrue(links)
        for url in links:
            name, _, query = url.removeprefix("/d/").partition("?")
            asked = set(re.findall(r"var-(\w+)=", query))
            self.assertLessEqual(asked, set(variables(known[name])), url)

    def test_no_rate_has_a_window_of_its_own_where_the_panel_is_zoomed(self):
        for query in queries("prometheus"):
            windows = set(re.findall(r"\[([^\]]+)\]", query.text))
            allowed = {"$__range", "1h"} if query.instant else {"$__rate_interval", "1h"}
            if query.instant:
                allowed.add("$__rate_interval")
            self.assertLessEqual(windows, allowed, f"{query.dashboard}: {query.panel}")

    def test_each_metric_is_one_that_a_program_shows(self):
        named = {name: query.panel for query in queries("prometheus") for name in metric_names(query.text)}
        self.assertEqual({name: panel for name, panel in named.items() if name not in KNOWN}, {})
        self.assertEqual(KNOWN - set(named), set(), "known, and on no dashboard")


class Languages(unittest.TestCase):
    def test_prometheus_understands_every_query(self):
        expressions = [query.filled(**ANY) for query in queries("prometheus")]
        self.assertGreater(len(expressions), 50)
        rules = {"groups": [{"name": "panels", "rules": [
            {"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]}]}
        done = subprocess.run([tool("stack", "promtool"), "check", "rules", "--lint=none"], input=json.dumps(rules),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_loki_understands_every_query(self):
        expressions = [{"name": f"{query.dashboard}: {query.panel}", "expr": query.filled(**ANY)}
                       for query in queries("loki")]
        self.take("logql.mjs", expressions, "-")

    def test_tempo_understands_every_query(self):
        expressions = [{"name": query.panel, "expr": query.filled(**ANY)} for query in queries("tempo")]
        self.take("traceql.mjs", expressions)

    def test_each_way_to_write_a_trace_into_a_line_is_a_link(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        lines = [f'{{"trace_id":"{trace}"}}', f'{{"traceId": "{trace}"}}', f'{{"TraceId":"{trace}"}}',
                 f"traceID={trace} x", f"trace_id={trace}", f"TRACE_ID: {trace}",
                 f'{{"trace.id":"{trace}","span.id":"00f067aa0ba902b7"}}']
        no_lines = ["traceback=1", "trace_id=unknown", f"stacktrace_id={trace}", f"span_id={trace}"]
        pattern = re.search(r"matcherType: regex\n +matcherRegex: '(.+?)'", datasources())[1]
        script = "const [p, l] = JSON.parse(process.argv[1]); " \
                 "console.log(JSON.stringify(l.map((line) => line.match(p)?.[1] ?? null)))"
        if not node_is_here("the links from lines to traces"):
            return
        found = subprocess.run(["node", "-e", script, json.dumps([pattern, lines + no_lines])], check=True,
                               stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual(json.loads(found), [trace] * len(lines) + [None] * len(no_lines))

    def take(self, grammar, expressions, *more):
        """Fails unless a grammar takes all expressions."""
        if not node_is_here(f"the syntax that {grammar} knows"):
            return
        done = subprocess.run(["node", ROOT / "tests" / "stack" / grammar, tool("logql", "."), *more],
                              input=json.dumps(expressions), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


class Sources(unittest.TestCase):
    def test_each_points_at_a_service_of_the_stack(self):
        urls = re.findall(r"^    url: http://([a-z-]+):(\d+)$", datasources(), re.MULTILINE)
        self.assertEqual(urls, [("prometheus", "9090"), ("loki", "3100"), ("tempo", "3200"), ("alertmanager", "9093")])
        self.assertLessEqual({host for host, _ in urls}, set(services()))

    def test_what_grafana_must_leave_alone_is_escaped(self):
        values = re.sub(r"#.*", "", datasources())
        self.assertEqual(re.findall(r"(?<!\$)\$(?!\$)", values), [])

    def test_the_dashboards_are_read_from_where_they_are_mounted(self):
        provider = (FOLDER / "provisioning" / "dashboards" / "stack.yaml").read_text()
        path = re.search(r"^      path: (.+)$", provider, re.MULTILINE)[1]
        mounts = {mount["target"]: mount["source"] for mount in services()["grafana"]["volumes"]}
        self.assertEqual(mounts[path], str(FOLDER / "dashboards"))
        home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertIn(home.removeprefix(f"{path}/"), dashboards())


def node_is_here(what):
    if shutil.which("node") and shutil.which("npm"):
        return True
    print(f"NOT CHECKED: {what}, since node or npm is missing", flush=True)
    return False


def datasources():
    return (FOLDER / "provisioning" / "datasources" / "stack.yaml").read_text()


def named(thing, name):
    """Returns every value of that name, however deep."""
    if isinstance(thing, list):
        return [value for item in thing for value in named(item, name)]
    if not isinstance(thing, dict):
        return []
    here = [thing[name]] if name in thing else []
    return here + [value for item in thing.values() for value in named(item, name)]


if __name__ == "__main__":
    unittest.main()
