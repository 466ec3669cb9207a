"""Log records as the SDKs of several languages send them by OTLP, and what Loki makes of their level."""
import json
import re

# The numbers of OTLP's log data model.
DEBUG, INFO, WARN, ERROR, FATAL = 5, 9, 13, 17, 21


class Record:
    """One log record, without a time. `level` is what our rules must take it for."""

    def __init__(self, sdk, level, body, text="", number=0, **attributes):
        self.sdk, self.level, self.body, self.text, self.number = sdk, level, body, text, number
        self.attributes = {name.replace("__", "."): value for name, value in attributes.items()}

    def otlp(self, nanoseconds):
        """Returns it in OTLP's JSON: 64-bit numbers are strings, and what is not there is left out."""
        record = {"timeUnixNano": str(nanoseconds), "observedTimeUnixNano": str(nanoseconds),
                  "body": {"stringValue": self.body}, "attributes": attributes(self.attributes)}
        if self.number:
            record["severityNumber"] = self.number
        if self.text:
            record["severityText"] = self.text
        return record

    def labels(self):
        """Returns the labels that Loki gives it, as far as rules read them."""
        found = {name.replace(".", "_"): value for name, value in self.attributes.items()}
        if self.number:
            found["severity_number"] = str(self.number)
        if self.text:
            found["severity_text"] = self.text
        found["detected_level"] = detected_level(found, self.body)
        return found


def attributes(values):
    return [{"key": name, "value": {"stringValue": value}} for name, value in values.items()]


def payload(resource, records):
    """Returns the body of one OTLP request: `records` are (nanoseconds, Record) of one resource."""
    logs = [record.otlp(nanoseconds) for nanoseconds, record in sorted(records, key=lambda timed: timed[0])]
    scope = {"scope": {"name": "e2e"}, "logRecords": logs}
    return {"resourceLogs": [{"resource": {"attributes": attributes(resource)}, "scopeLogs": [scope]}]}


# What Loki 3.7 does, written from its documentation and observed in its distributor: a label that names a level counts
# first, then OTLP's number, then a key in a JSON or logfmt line, then words in a plain one. A word that it does not
# know goes through as it is; the word fatal is not looked for in plain lines.
KEYS = ("level", "log.level", "severity", "SeverityText", "lvl", "severity_text")
WORDS = {"trc": "trace", "dbg": "debug", "inf": "info", "information": "info", "wrn": "warn", "warning": "warn",
         "err": "error"}
KNOWN = {"trace", "debug", "info", "warn", "error", "critical", "fatal"}


def normal(word):
    lower = WORDS.get(word.lower(), word.lower())
    return lower if lower in KNOWN else word


def detected_level(labels, body):
    for key in KEYS:
        if key in labels:
            return normal(labels[key])
    if "severity_number" in labels:
        number = labels["severity_number"]
        scale = ("trace", "debug", "info", "warn", "error", "fatal")
        return scale[(int(number) - 1) // 4] if number.isdigit() and 1 <= int(number) <= 24 else "info"
    found = key_in(body)
    return found if found in KNOWN else word_in(body)


def key_in(body):
    """Returns the level that a key of a JSON or logfmt line names."""
    if body.strip().startswith("{") and body.strip().endswith("}"):
        try:
            line = json.loads(body)
        except ValueError:
            return ""
        named = (line[key] for key in line if key.lower() in KEYS and isinstance(line[key], str))
        return normal(next(named, ""))
    found = re.search(r'\b(?:level|severity|lvl)="?(\w+)', body, re.IGNORECASE)
    return normal(found[1]) if found else ""


def word_in(body):
    for level, pattern in (("info", r"info|INFO"), ("error", r"err:|ERR:|\[(?:err|ERR|error|ERROR)\]"),
                           ("warn", r"warn:|WARN:|\[(?:warn|WARN)\]|warning|WARNING"),
                           ("critical", r"critical:|CRITICAL:|\[(?:critical|CRITICAL)\]"), ("debug", r"debug|DEBUG")):
        if re.search(pattern, body):
            return level
    return "unknown"


SDKS = [
    Record(".NET", "critical", "Unhandled exception", "Critical", FATAL),
    Record(".NET", "error", "An unhandled exception has occurred", "Error", ERROR, exception__type="System.Exception"),
    Record(".NET", "info", "Request finished", "Information", INFO),
    Record(".NET, attribute of the business", "info", "Ticket was filed", "Information", INFO, severity="critical"),
    Record("Serilog", "fatal", "Host terminated unexpectedly", "Fatal", FATAL),
    Record("Serilog", "error", "Order failed", "Error", ERROR),
    Record("Serilog, console", "fatal", "[10:11:12 FTL] Host terminated unexpectedly"),
    Record("Serilog, console", "error", "[10:11:12 ERR] Order failed"),
    Record("Serilog, console", "info", "[10:11:12 INF] The answer is FATAL for the lock"),
    Record("Python", "critical", "the worker gave up", "CRITICAL", FATAL),
    Record("Python", "error", "order failed", "ERROR", ERROR),
    Record("Python", "warn", "retrying", "WARN", WARN),
    Record("Python, console", "critical", "2026-11-26 10:11:12,345 - shop - CRITICAL - the worker gave up"),
    Record("Python, basicConfig", "critical", "CRITICAL:root:no info left"),
    Record("Go slog", "error", "order failed", "ERROR", ERROR),
    Record("Go slog, level of its own", "fatal", "giving up", "ERROR+4", FATAL),
    Record("Go slog, logfmt", "error", 'time=2026-11-26T10:11:12Z level=ERROR msg="order failed"'),
    Record("Go zap", "fatal", "cannot listen", "fatal", FATAL),
    Record("Go zap", "fatal", "nil map", "dpanic", FATAL),
    Record("Go zap, JSON", "fatal", '{"level":"fatal","ts":1.5,"msg":"cannot listen"}'),
    Record("Java", "fatal", "out of memory", "FATAL", FATAL),
    Record("Java", "error", "order failed", "ERROR", ERROR),
    Record("Java, JUL", "error", "order failed", "SEVERE", ERROR),
    Record("Java, console", "error", "2026-11-26 10:11:12.345 ERROR 1 --- [main] shop.Orders : FATAL: login failed"),
    Record("Java, console", "fatal", "2026-11-26T10:11:12.345Z FATAL [main] shop.Orders - out of memory"),
    Record("Node pino", "fatal", '{"level":60,"msg":"out of memory"}', "fatal", FATAL),
    Record("Rust tracing", "error", "order failed", "ERROR", ERROR),
    Record("Rust tracing", "debug", "order 7 is read", "DEBUG", DEBUG),
    Record("syslog", "error", "disk is failing", "err", ERROR),
    Record("syslog", "fatal", "system is unusable", "emerg", FATAL),
    Record("text, no number", "critical", "the worker gave up", "Critical"),
    Record("text above number", "critical", "the worker gave up", "Critical", ERROR),
    Record("text above number", "info", "the word is part of the name", "Critical", INFO),
    Record("number, no text", "fatal", "the worker gave up", "", 24),
    Record("number, no text", "error", "order failed", "", 18),
    Record("plain", "fatal", "FATAL: could not start"),
    Record("plain", "fatal", "FATAL could not read info of debug=7"),
    Record("plain", "fatal", "2026-11-26 10:11:12 FATAL, giving up"),
    Record("plain", "fatal", "FATAL! could not start"),
    Record("plain", "none", "a fatal mistake was avoided"),
    Record("plain, bracket", "error", "2026/11/26 10:11:12 [error] 7#7: upstream is away"),
    Record("JSON", "critical", '{"severity":"CRITICAL","message":"the worker gave up"}'),
    Record("JSON, severity beside", "fatal", '{"severity_text":"INFO","message":"giving up"}', "FATAL", FATAL),
    Record("JSON, broken", "fatal", '{"message":"giving up', "FATAL", FATAL),
    Record("JSON, level is a number", "none", '{"message":"giving up", "level": 60}'),
    Record("a number that is none", "none", "careful", "", 0, severity_number="many"),
]
