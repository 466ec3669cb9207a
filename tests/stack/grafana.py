"""Reads the dashboards and data sources as Grafana would: every query of every panel, variable and annotation."""
import dataclasses
import itertools
import json
import re

from stack import ROOT

FOLDER = ROOT / "stack" / "grafana"
# What Grafana puts in place of its variables; each test knows its own values of the rest.
BUILT_IN = {"__interval": "30s", "__rate_interval": "1m", "__range": "1h", "__auto": "1m", "__all": ".*"}


@dataclasses.dataclass(frozen=True)
class Query:
    """One query, where it stands, and how Grafana sends it: at an instant, or over the time shown."""
    dashboard: str
    panel: str
    source: str
    text: str
    instant: bool = False

    def filled(self, **variables):
        """Returns the text with every variable replaced; an unknown one is an error."""
        values = {**BUILT_IN, **variables}
        return re.sub(r"\$\{?(\w+)(?::\w+)?\}?", lambda found: values[found[1]], self.text)


def dashboards():
    """Returns the dashboards by their path below the folder."""
    folder = FOLDER / "dashboards"
    return {str(path.relative_to(folder)): json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(source):
    """Returns every query to a data source of that kind."""
    found = []
    for path, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == source:
                    text = target.get("expr") or target["query"]
                    found.append(Query(path, panel["title"], source, text, target.get("instant", False)))
        for annotation in dashboard["annotations"]["list"]:
            if annotation["datasource"]["type"] == source:
                found.append(Query(path, f"annotation {annotation['name']}", source, annotation["expr"]))
    return found


def metric_names(promql):
    """Returns the names of the metrics in a query, without the suffix that the collector adds or leaves out."""
    names = set().union(*(spelled_out(pattern) for pattern in re.findall(r'__name__=~"([^"]+)"', promql)))
    bare = re.sub(r'"[^"]*"', "", promql)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\boffset \S+", " ", bare)
    bare = re.sub(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = set(re.findall(r"[a-zA-Z_:][\w:]*\b(?!\s*\()", bare))
    found = names | words - {"and", "or", "unless", "bool"}
    return {name.removesuffix("_total") if name.startswith("otelcol_") else name for name in found}


def spelled_out(pattern):
    """Returns what a pattern of alternatives matches; what is optional in it is left out."""
    parts = [part.split("|") for part in re.split(r"[()]", re.sub(r"\([^()|]*\)\?", "", pattern))]
    return {"".join(words) for words in itertools.product(*parts)}


def variables(dashboard):
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}
