"""Applications whose logs make rules fire or leave them silent, and what each rule must say at one instant.

Ages are seconds before that instant. An application has its own stream in Loki, so that old lines may be pushed now.
"""
import loki_logs
from loki_logs import DEBUG, ERROR, FATAL, INFO, WARN, Record

MINUTE, HOUR = 60, 3600
PRODUCTION, STAGING = "production", "staging"
LEVELS = ("none", "debug", "info", "warn", "error", "critical", "fatal")

FINE = Record("Python", "info", "order 7 was delivered", "INFO", INFO)
FAILED = Record("Java", "error", "order 7 failed", "ERROR", ERROR)
DEAD = Record("Java", "fatal", "out of memory", "FATAL", FATAL)


class App:
    """An application's lines, as (age, environment, record), and the rules that fire for it."""

    def __init__(self, name, fires, *lines, resource=None):
        self.name, self.fires = name, set(fires)
        self.lines = [line for some in lines for line in some]
        self.resource = resource or {}


def lines(record, count, newest, oldest, environment=PRODUCTION):
    """Returns that many lines, evenly between two ages, and on no age that is a round number."""
    step = (oldest - newest) / count
    return [(newest + step * (number + 0.37), environment, record) for number in range(count)]


def of_sdk(number, record):
    fires = {"critical": ["FatalErrorDetected", "CriticalErrorDetected"], "fatal": ["FatalErrorDetected"]}
    return App(f"sdk-{number}", fires.get(record.level, []), lines(record, 1, 0, MINUTE))


def error(text, sdk=".NET", word="Error"):
    return Record(sdk, "error", text, word, ERROR)


NEW = "NewErrorPattern"
MIXED = [record for record in loki_logs.SDKS if record.level == "error"]
TALE = [line for number, record in enumerate(MIXED * 10) for line in lines(record, 1, 7 * number, 7 * number + 14)]
ROUTE = Record("Go", "error", "order failed", "ERROR", ERROR, http__route="/orders")
OTHER = Record("Go", "error", "order failed", "ERROR", ERROR, http__route="/carts")
LOUD = Record("Python", "debug", "x" * 250_000, "DEBUG", DEBUG)
PLAIN = Record("Python", "debug", "x" * 1_000, "DEBUG", DEBUG)
WARNED = Record("Go", "warn", "authentication failed for user 7", "WARN", WARN)
SPOKEN = Record("Go", "warn", "author 403 was saved", "WARN", WARN)

APPS = [
    *(of_sdk(number, record) for number, record in enumerate(loki_logs.SDKS)),
    App("old-fatal", [], lines(DEAD, 3, 2 * MINUTE + 1, 8 * MINUTE)),
    App("no-environment", ["FatalErrorDetected"], lines(DEAD, 1, 0, MINUTE, environment="")),
    App("autolog", [], lines(DEAD, 200, 0, 5 * MINUTE)),
    App("smoke-1", ["FatalErrorDetected"], lines(DEAD, 1, 0, MINUTE),
        lines(error("too many connections"), 40, 0, 5 * MINUTE)),
    App("smoke-2", [], lines(FINE, 5, 61 * MINUTE, 68 * MINUTE)),

    App("many", ["SustainedHighErrorCount", NEW], lines(FAILED, 101, 5 * MINUTE, 15 * MINUTE)),
    App("not-so-many", [NEW], lines(FAILED, 100, 5 * MINUTE, 15 * MINUTE)),
    App("of-all-sdks", ["SustainedHighErrorCount", "HighLogErrorRate", NEW],
        [line for line in TALE if line[0] < 15 * MINUTE]),
    App("fast", ["HighLogErrorRate", NEW], lines(FAILED, 31, 0, 5 * MINUTE)),
    App("less-fast", [NEW], lines(FAILED, 29, 0, 5 * MINUTE)),
    App("spike", ["ErrorSpike"], lines(FAILED, 20, 0, 5 * MINUTE), lines(FAILED, 5, HOUR, 65 * MINUTE)),
    App("as-ever", [], lines(FAILED, 20, 0, 5 * MINUTE), lines(FAILED, 20, HOUR, 65 * MINUTE)),
    App("small-spike", [], lines(FAILED, 10, 0, 5 * MINUTE), lines(FAILED, 2, HOUR, 65 * MINUTE)),
    App("everywhere", ["ErrorsAcrossEnvironments", NEW], lines(FAILED, 16, 0, 5 * MINUTE),
        lines(FAILED, 16, 0, 5 * MINUTE, STAGING)),
    App("mostly-one", [NEW], lines(FAILED, 16, 0, 5 * MINUTE), lines(FAILED, 14, 0, 5 * MINUTE, STAGING)),
    App("route", ["HighErrorRateByEndpoint", "SustainedHighErrorCount", "HighLogErrorRate", NEW],
        lines(ROUTE, 301, 0, 10 * MINUTE)),
    App("routes", ["SustainedHighErrorCount", "HighLogErrorRate", NEW], lines(ROUTE, 151, 0, 10 * MINUTE),
        lines(OTHER, 151, 0, 10 * MINUTE)),
    App("new", [NEW], lines(FAILED, 6, 0, 10 * MINUTE)),
    App("few", [], lines(FAILED, 5, 0, 10 * MINUTE)),
    App("known", [], lines(FAILED, 6, 0, 10 * MINUTE), lines(FAILED, 1, 66 * MINUTE, 69 * MINUTE)),

    App("database", ["DatabaseErrors", NEW], lines(error("Deadlock detected"), 16, 0, 5 * MINUTE)),
    App("database-in-json", ["DatabaseErrors", NEW], lines(error('{"msg":"SQL state 40001"}'), 16, 0, 5 * MINUTE)),
    App("database-is-fine", [], lines(Record("Go", "info", "database is open", "INFO", INFO), 40, 0, 5 * MINUTE)),
    App("nosqlite", [NEW], lines(error("mysqlite_helper failed"), 16, 0, 5 * MINUTE)),
    App("logins", ["AuthenticationErrors"], lines(WARNED, 31, 0, 5 * MINUTE)),
    App("authors", [], lines(SPOKEN, 31, 0, 5 * MINUTE)),
    App("upstream", ["ExternalServiceErrors", NEW], lines(error("connect timeout to third-party"), 16, 0, 5 * MINUTE)),
    App("api", [NEW], lines(error("api: external id is missing"), 16, 0, 5 * MINUTE)),

    App("gone", ["NoLogsReceived"], lines(FINE, 3, 61 * MINUTE, 68 * MINUTE)),
    App("still-there", [], lines(FINE, 60, 5 * MINUTE, 70 * MINUTE)),
    App("removed", [], lines(FINE, 3, 71 * MINUTE, 80 * MINUTE)),
    App("healthy", [], lines(FINE, 400, 0, 80 * MINUTE), lines(FAILED, 13, 0, 80 * MINUTE),
        lines(PLAIN, 100, 0, 5 * MINUTE)),
    App("verbose", ["DebugLogVolumeHigh"], lines(LOUD, 620, 0, 5 * MINUTE)),
]


def level_of(name):
    return LEVELS.index(name)


def rates(app, seconds, offset=0, at_least="error", group=lambda line: line[1], wanted=lambda record: True):
    """Returns how many lines of a level or above a window holds, by group. The window is open on its old side."""
    found = {}
    for line in app.lines:
        age, _, record = line
        if offset <= age < offset + seconds and level_of(record.level) >= level_of(at_least) and wanted(record):
            found[group(line)] = found.get(group(line), 0) + 1
    return found


def says(*words):
    return lambda record: any(word in record.body.lower() for word in words)


def outcome(app):
    """Works out anew, from the lines and from what each rule is for, which rules fire for an application."""
    five, before = rates(app, 5 * MINUTE), rates(app, 5 * MINUTE, HOUR)
    ten, ten_before = rates(app, 10 * MINUTE), rates(app, 10 * MINUTE, HOUR)
    routed = rates(app, 10 * MINUTE, group=lambda line: line[2].attributes.get("http.route"))
    data = rates(app, 5 * MINUTE, wanted=says("deadlock", "sql state", "too many connections"))
    refused = rates(app, 5 * MINUTE, at_least="warn", wanted=says("authentication failed"))
    others = rates(app, 5 * MINUTE, wanted=says("connect timeout", "third-party", "upstream is away"))
    logged, logged_before = rates(app, 10 * MINUTE, 0, "none"), rates(app, 10 * MINUTE, HOUR, "none")
    loud = sum(len(record.body) for age, _, record in app.lines if age < 5 * MINUTE and record.level == "debug")
    fires = {
        "FatalErrorDetected": bool(rates(app, 2 * MINUTE, at_least="critical")),
        "SustainedHighErrorCount": any(count > 100 for count in rates(app, 15 * MINUTE).values()),
        "HighLogErrorRate": any(count > 0.1 * 300 for count in five.values()),
        "CriticalErrorDetected": bool(rates(app, 5 * MINUTE, wanted=lambda record: record.level == "critical")),
        "ErrorSpike": any(count > 2 * before[place] and count > 0.05 * 300
                          for place, count in five.items() if place in before),
        "ErrorsAcrossEnvironments": sum(count > 0.05 * 300 for count in five.values()) >= 2,
        "HighErrorRateByEndpoint": any(route and count > 0.5 * 600 for route, count in routed.items()),
        "NewErrorPattern": any(count > 5 for place, count in ten.items() if place not in ten_before),
        "DatabaseErrors": any(count > 0.05 * 300 for count in data.values()),
        "AuthenticationErrors": any(count > 0.1 * 300 for count in refused.values()),
        "ExternalServiceErrors": any(count > 0.05 * 300 for count in others.values()),
        "NoLogsReceived": any(place not in logged for place in logged_before),
        "DebugLogVolumeHigh": loud > 500_000 * 300,
    }
    if app.name == "autolog":
        return set()
    kept = {"FatalErrorDetected", "SustainedHighErrorCount"} if app.name.startswith("smoke-") else fires
    return {name for name in kept if fires[name]}
