"""Starts Prometheus and Alertmanager of the two generations that we promise to work with."""
import json
import os
import pathlib

from programs import Failure, Program, answers, free_port, until

# Each generation by the version of its Alertmanager, and the verb of scripts/tools.sh that fetches it.
FOLDERS = {"0.33": "stack", "0.25": "stack-old"}


def programs(version):
    """Returns the folder with prometheus, promtool and alertmanager of a generation."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "autolog" / "tools" / FOLDERS[version] / "usr" / "bin"
    if not (folder / "alertmanager").exists():
        raise Failure(f"no alertmanager in {folder}; run: scripts/tools.sh {FOLDERS[version]}")
    return folder


def webhook(version, url, secret_file, **more):
    """Returns a webhook receiver's settings: a header of our own where it can be set (0.28 and later), else Bearer."""
    if version == "0.25":
        secret = {"authorization": {"type": "Bearer", "credentials_file": str(secret_file)}}
    else:
        secret = {"http_headers": {"X-Webhook-Secret": {"files": [str(secret_file)]}}}
    return {"url": url, "send_resolved": True, "http_config": {"follow_redirects": False, **secret}, **more}


def start_alertmanager(version, folder, config):
    """Starts Alertmanager with a configuration (YAML, or a dict) and returns the program, its URL in `url`."""
    port = free_port()
    path = folder / "alertmanager.yml"
    path.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))  # JSON is YAML
    program = Program("alertmanager", [
        programs(version) / "alertmanager", f"--config.file={path}", f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}", "--web.external-url=http://alertmanager.example:9093",
        "--web.route-prefix=/", "--cluster.listen-address="], folder).start()
    program.url = f"http://127.0.0.1:{port}"
    return program


def start_prometheus(version, folder, alertmanager, targets, rules, *flags, scrape_itself=False):
    """Starts Prometheus that scrapes and evaluates every second.

    `targets` are (job, address, labels); `rules` is YAML, or the path of rule files with wildcards.
    """
    port = free_port()
    if scrape_itself:
        targets = [*targets, ("prometheus", f"127.0.0.1:{port}", {})]
    path, rule_path = folder / "prometheus.yml", rules
    if isinstance(rules, str):
        rule_path = folder / "rules.yml"
        rule_path.write_text(rules)
    path.write_text(json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rule_path)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.url.partition("//")[2]]}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [address], "labels": labels}]}
            for job, address, labels in targets],
    }, indent=1))
    program = Program("prometheus", [
        programs(version) / "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}", *flags], folder).start()
    program.url = f"http://127.0.0.1:{port}"
    return program


def wait_ready(*stack):
    for program in stack:
        until(f"{program.name} is ready", lambda: program.must_run() or answers(f"{program.url}/-/ready"), within=30)
