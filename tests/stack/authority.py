"""A certificate authority that signs for any name, once it has found a challenge answered on this machine."""
import json
import socketserver
import threading

from certificate import certificate
from stack import tool
from programs import Program, free_port


class Names(socketserver.ThreadingTCPServer):
    """A name server for which every name is this machine."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        while length := self.rfile.read(2):
            query = self.rfile.read(int.from_bytes(length, "big"))
            end = query.index(b"\0", 12) + 5
            ipv4 = query[end - 4:end - 2] == b"\0\1"
            counts = b"\0\1" + (b"\0\1" if ipv4 else b"\0\0") + b"\0\0\0\0"
            address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if ipv4 else b""
            reply = query[:2] + b"\x85\x80" + counts + query[12:end] + address
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


def start_authority(folder, http_port):
    """Starts it; the program has the address of its directory in `url` and the certificate to trust it by in `cert`."""
    names = Names()
    cert, key = certificate(folder, "authority")
    port = free_port()
    config = folder / "authority.json"
    config.write_text(json.dumps({"pebble": {
        "listenAddress": f"127.0.0.1:{port}", "managementListenAddress": f"127.0.0.1:{free_port()}",
        "certificate": str(cert), "privateKey": str(key), "httpPort": http_port, "tlsPort": free_port()}}))
    program = Program("authority", [
        tool("pebble", "pebble"), "-config", config, "-dnsserver", "127.0.0.1:%d" % names.server_address[1]], folder,
        {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
    program.names, program.url, program.cert = names, f"https://127.0.0.1:{port}/dir", cert
    return program
