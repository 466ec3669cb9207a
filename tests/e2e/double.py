"""Answers in the place of a program that does not run here."""
import http.server
import threading


class Double(http.server.ThreadingHTTPServer):
    """Serves from the start, on a free port of loopback if not told another address; a subclass says what it answers.

    A subclass sets what its `answer` needs before it calls this initializer.
    """

    def __init__(self, address=("127.0.0.1", 0)):
        super().__init__(address, _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path, headers, body):
        """Returns the status, the headers and the body of the answer to a GET or POST."""
        raise NotImplementedError


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, content = self.server.answer(self.path, dict(self.headers), body)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_):
        pass
