"""A mail server that takes any mail, but only over TLS and with a password; it keeps all that it was told."""
import base64
import socketserver
import ssl
import threading

from certificate import certificate


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.cert, key = certificate(folder, "mail")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.cert, key)
        self.logins, self.senders, self.recipients, self.mails = [], [], [], []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class Conversation(socketserver.BaseRequestHandler):
    def handle(self):
        self.lines, self.secret = self.request.makefile("rb"), False
        self.say("220 mail")
        while line := self.lines.readline().decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            if not self.answer(verb.upper(), rest):
                return

    def finish(self):
        self.lines.close()
        self.request.close()

    def say(self, text):
        self.request.sendall(text.encode() + b"\r\n")

    def answer(self, verb, rest):
        server = self.server
        if verb == "EHLO":
            self.say("250-mail\r\n250 AUTH PLAIN" if self.secret else "250-mail\r\n250 STARTTLS")
        elif verb == "STARTTLS":
            self.say("220 go ahead")
            self.request = server.tls.wrap_socket(self.request, server_side=True)
            self.lines, self.secret = self.request.makefile("rb"), True
        elif verb == "AUTH" and self.secret:
            server.logins.append(base64.b64decode(rest.split()[1]).decode().split("\0")[1:])
            self.say("235 welcome")
        elif verb in ("MAIL", "RCPT"):
            (server.senders if verb == "MAIL" else server.recipients).append(rest.partition("<")[2].partition(">")[0])
            self.say("250 ok")
        elif verb == "DATA":
            self.say("354 go on")
            server.mails.append(b"".join(iter(self.lines.readline, b".\r\n")).decode())
            self.say("250 kept")
        else:
            self.say("221 bye" if verb == "QUIT" else "500 what?")
            return verb != "QUIT"
        return True
