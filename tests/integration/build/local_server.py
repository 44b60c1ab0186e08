"""A web server on this machine that answers as a test tells it to; pytest finds `serve` through the conftest."""

import http.server
import threading

import pytest


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer from `server.answers`: path -> list of functions, one for each request."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        answers = self.server.answers.get(self.path.partition("?")[0])
        if not answers:
            return self.send_error(404)
        return (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Return a function that starts a server on this machine and returns it with its address."""
    running = []

    def start(answers):
        try:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        except OSError as error:
            pytest.skip(f"no loopback network here: {error}")
        server.answers, server.seen = answers, []
        server.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(10)


def whole(content, **headers):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        for key, value in headers.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for key, value in headers.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer
