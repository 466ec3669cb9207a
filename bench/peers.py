"""Starts what others have made for a like purpose."""
import json
import subprocess

from servers import ROOT, Server, free_port

CLIENT_TOKEN, FRONTEND_TOKEN = "*:development.not-a-secret", "*:development.not-a-secret-either"
FLAGS = 500


def unleash_edge(folder):
    """A feature-flag proxy that needs nobody: it has its flags, as many as the sessions of a busy day, in a file."""
    tools = subprocess.run([ROOT / "scripts" / "tools.sh", "unleash-edge"], check=True, stdout=subprocess.PIPE, text=True)
    flags = [{"name": f"app-{number}", "enabled": True, "type": "release", "project": "default", "impressionData": False,
              "strategies": [{"name": "default", "parameters": {}, "constraints": []}], "variants": []}
             for number in range(FLAGS)]
    file = folder / "flags.json"
    file.write_text(json.dumps({"version": 2, "features": flags}))
    port = free_port()
    argv = [f"{tools.stdout.strip()}/unleash-edge", "--port", port, "--interface", "127.0.0.1", "offline",
            "--bootstrap-file", file, "--workers", "1", "--client-tokens", CLIENT_TOKEN,
            "--frontend-tokens", FRONTEND_TOKEN]
    return Server(argv, folder, port)
