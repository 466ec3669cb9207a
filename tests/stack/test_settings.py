"""Settings: each is documented, shown in the example, handed to who reads it, and arrives as it was written."""
import pathlib
import re
import tempfile
import unittest

from stack import ROOT, environment, files, services

COMPOSE = (ROOT / "docker-compose.yml").read_text()
# Where each service reads variables, and how they are written there.
READ = {
    "otel-collector": ("stack/otel-collector", r"\$\{env:([A-Z_]+)"),
    "prometheus": ("stack/prometheus", r"\$\{([A-Z_]+)\}"),
    "loki": ("stack/loki", r"\$\{([A-Z_]+)"),
    "tempo": ("stack/tempo", r"\$\{([A-Z_]+)"),
    "alloy": ("stack/alloy", r'sys\.env\("([A-Z_]+)"\)'),
    "caddy": ("stack/caddy", r"\{\$([A-Z_]+)"),
    "grafana": ("stack/grafana/provisioning", r"(?<!\$)\$\{?([A-Z][A-Z_]+)"),
    "alertmanager": ("alertmanager/render.awk", r"\b(SMTP_[A-Z_]+|[A-Z]+_WEBHOOK_URL)\b"),
}
# What programs read by themselves, under names of their own.
OWN = r"GOMEMLIMIT|PYTHON\w+|(GF|REDIS|AUTOLOG|OTEL)_.+"


def text(*patterns):
    return "\n".join((ROOT / path).read_text() for path in files(*patterns))


def documented(page, heading):
    """Returns the first two columns of the first table under a heading."""
    section = (ROOT / page).read_text().partition(f"\n{heading}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", section, re.MULTILINE))


class Settings(unittest.TestCase):
    def test_every_setting_is_documented_shown_and_used(self):
        table = documented("docs/stack.md", "## Settings")
        example = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE)) | {"COMPOSE_PROFILES"}  # which Compose itself reads
        self.assertEqual(sorted(table), sorted(example))
        self.assertEqual(set(table), used)

    def test_defaults_are_the_documented_ones_everywhere(self):
        table = documented("docs/stack.md", "## Settings")
        for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", COMPOSE):
            said = table[name].partition("`")[2].partition("`")[0]
            self.assertEqual(default, said, name)

    def test_every_variable_has_a_default(self):
        self.assertEqual(re.findall(r"\$(?!\{[A-Z_]+:-).*", COMPOSE), [])

    def test_each_service_gets_what_its_files_read_and_nothing_else(self):
        for name, service in services().items():
            given = {variable for variable in service.get("environment", {}) if not re.fullmatch(OWN, variable)}
            path, written = READ.get(name, ("", ""))
            read = set(re.findall(written, text(path))) if path else set()
            self.assertEqual(given, read, name)

    def test_the_service_is_given_variables_that_it_knows(self):
        known = set(re.findall(r"^\| `(AUTOLOG_\w+)`", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE))
        self.assertLessEqual(set(services()["autolog"]["environment"]), known)

    def test_every_variable_of_scripts_and_tests_is_documented_and_used(self):
        table = documented("CONTRIBUTING.md", "## Variables")
        programs = text("*.sh", "Makefile", ".ci/run", "Dockerfile", "tests/e2e", "tests/stack", "examples/python")
        read = set(re.findall(r"\b(AUTOLOG_[A-Z_]*[A-Z])\b(?!_)", programs))
        read |= set(re.findall(r'\b(?:var|var_os|number)\("(AUTOLOG_\w+)"', text("tests/it", "tests/chaos")))
        read |= set(re.findall(r"\$\{([A-Z][A-Z0-9_]*):?[-?+]", text("*.sh", ".ci/run"))) - {"TMPDIR"}
        service = set(re.findall(r"`(AUTOLOG_\w+)`", (ROOT / "docs" / "configuration.md").read_text()))
        self.assertEqual(set(table), read - service)

    def test_awkward_values_arrive_as_they_were_written(self):
        with tempfile.TemporaryDirectory() as folder:
            settings = pathlib.Path(folder) / "env"
            settings.write_text(
                r"""SMTP_USERNAME='p|a&s\s "$word" `#{{ .X }} ${HOME} %41 *!~<>^é'""" + "\n"
                r'''SMTP_FROM="it's \$x \"y\" z # k"''' + "\n"
                "CRITICAL_WEBHOOK_URL=https://hook.example/a?b=c&d=%20e\n")
            given = environment("alertmanager", settings)
        self.assertEqual(given["SMTP_USERNAME"], r"""p|a&s\s "$word" `#{{ .X }} ${HOME} %41 *!~<>^é""")
        self.assertEqual(given["SMTP_FROM"], """it's $x "y" z # k""")
        self.assertEqual(given["CRITICAL_WEBHOOK_URL"], "https://hook.example/a?b=c&d=%20e")


class Ignored(unittest.TestCase):
    def test_settings_and_secrets_are_never_committed(self):
        ignored = (ROOT / ".gitignore").read_text().splitlines()
        self.assertLessEqual({"/.env", "/secrets/", "/backups/"}, set(ignored))
        self.assertFalse({path for path in files() if path == ".env" or path.startswith("secrets/")})


if __name__ == "__main__":
    unittest.main()
