"""Reads the shipped rules on logs, and what a rule's expression says about levels."""
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "alert-rules" / "loki"
UNITS = {"s": 1, "m": 60, "h": 3600}


class Rule:
    """One alert rule; `line` is where it begins, for messages."""

    def __init__(self, name, group):
        self.name, self.group = name, group
        self.expr, self.seconds, self.labels, self.annotations = "", 0, {}, {}

    def __repr__(self):
        return self.name


def duration(text):
    return int(text[:-1]) * UNITS[text[-1]]


def read(folder=FOLDER):
    """Returns the rules of a folder.

    Python's standard library has no YAML; this knows the one form in which these files are written, and fails on a rule
    that it reads nothing of.
    """
    rules = []
    for path in sorted(folder.iterdir()):
        text = path.read_text()
        found = list(read_file(text))
        if len(found) != len(re.findall(r"^ *- alert: ", text, re.MULTILINE)):
            raise ValueError(f"{path}: a rule was overlooked")
        for rule in found:
            if not (rule.expr and rule.labels and rule.annotations):
                raise ValueError(f"{path}: {rule} is not understood")
        rules += found
    return rules


def read_file(text):
    group, rule, block = None, None, None
    for line in text.splitlines():
        inner = line.strip()
        if block == "expr" and (line.startswith(" " * 10) or not inner):
            rule.expr += line[10:] + "\n"
        elif found := re.fullmatch(r"  - name: (\S+)", line):
            group, block = {"name": found[1], "interval": None}, None
        elif found := re.fullmatch(r"    interval: (\S+)", line):
            group["interval"] = duration(found[1])
        elif found := re.fullmatch(r"      - alert: (\S+)", line):
            if rule:
                yield rule
            rule, block = Rule(found[1], group), None
        elif found := re.fullmatch(r"        for: (\S+)", line):
            rule.seconds = duration(found[1])
        elif found := re.fullmatch(r"        (expr|labels|annotations):(?: \|-)?", line):
            block = found[1]
        elif block in ("labels", "annotations") and (found := re.fullmatch(r' {10}(\w+): "?(.*?)"?', line)):
            getattr(rule, block)[found[1]] = found[2]
    if rule:
        yield rule


def head_pattern(expr):
    """Returns the regular expression that finds a level in the head of a line."""
    patterns = set(re.findall(r"\| regexp `([^`]*)`", expr))
    if len(patterns) != 1:
        raise ValueError(f"{len(patterns)} ways to find a level in a line")
    return re.compile(patterns.pop())


def level_filters(expr):
    """Returns every filter by level: what is taken out before the head of a line is read, and what is kept then."""
    taken, kept = r"\| (severity_number!~`[^`]*`)", r"\| (severity_(?:number|text)=~.*(?:\n +or .*)*)"
    found = re.findall(rf"{taken}\n *\| regexp .*\n *{kept}", expr)
    return [f"{before} and ({' '.join(after.split())})" for before, after in found]


def passes(level_filter, labels):
    """Tells whether labels pass a filter by level, as Loki reads it: absent is empty, and whole values match."""
    def compare(found):
        name, operator, plain, pattern = found.groups()
        value = labels.get(name, "")
        if operator == "=":
            return str(value == plain)
        return str((re.fullmatch(pattern, value) is not None) == (operator == "=~"))

    steps = re.sub(r'(\w+)(=~|!~|=)(?:"([^"]*)"|`([^`]*)`)', compare, level_filter)
    if not re.fullmatch(r"(?:True|False|and|or|[() ])+", steps):
        raise ValueError(f"not understood: {steps}")
    return eval(steps)  # nothing but the words above
