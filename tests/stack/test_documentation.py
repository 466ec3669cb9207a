"""What docs/stack.md and docs/operations.md say of ports, memory, volumes, and tiers is what the files say."""
import re
import unittest

from stack import read, services

DOCS = read("docs/stack.md")


def rows(heading):
    """Returns the cells of the tables of a section."""
    section = re.search(rf"(?ms)^#+ {heading}\n(.*?)(?=^## |\Z)", DOCS)[1]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


class Documentation(unittest.TestCase):
    def test_it_tells_the_memory_and_the_volumes_of_every_service(self):
        told = {row[0]: (row[1], set(re.findall(r"`([a-z-]+)`", row[2]))) for row in rows("Size")[1:]}
        for name, service in services().items():
            volumes = {mount["source"] for mount in service.get("volumes", ()) if mount["type"] == "volume"}
            mounted = {volume for volume in volumes if name != "alloy" or volume != "caddy-logs"}
            self.assertEqual(told[name], (f"{int(service['mem_limit']) >> 20} MiB", mounted), name)
        self.assertEqual(set(told), set(services()))

    def test_it_tells_every_published_port(self):
        told = {port for row in rows("Ports") if row[1] in ("all", "`BIND_ADDRESS`")
                for port in re.findall(r"\d+", row[0])}
        published = {port["published"] for service in services().values() for port in service.get("ports", ())}
        self.assertEqual(told, published)
        fenced = re.search(r"for port in ([\d ]+); do", DOCS)[1].split()
        self.assertEqual(set(fenced), published - {"80", "443"})

    def test_every_volume_is_backed_up_or_said_not_to_be(self):
        volumes = {mount["source"] for service in services().values() for mount in service.get("volumes", ())
                   if mount["type"] == "volume"}
        for script in ("scripts/backup.sh", "scripts/restore.sh"):
            kept = set(re.findall(r"\b([a-z]+-data)\b", read(script)))
            self.assertEqual(volumes - kept, {"alloy-data", "caddy-logs", "caddy-config"}, script)

    def test_every_variable_of_an_application_is_one_that_the_clients_read(self):
        client = read("examples/python/autolog_client.py")
        for name in set(re.findall(r"\bAUTOLOG_[A-Z_]+", DOCS[DOCS.index("## Add an application"):DOCS.index("## Settings")])):
            self.assertIn(name, client)
