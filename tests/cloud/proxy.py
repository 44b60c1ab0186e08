"""A small HTTP proxy before a stand-in for AWS, which does harm at chosen calls."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_CODES = {
    500: "InternalError",
    503: "SlowDown",
    409: "ConditionalRequestConflict",
    403: "AccessDenied",
    412: "PreconditionFailed",
}
# S3 takes no request whose date is further from its own.
_CLOCK_SECONDS = 900
_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Harm:
    """What happens to the calls that `when` (method, path with query) says, `times` in number.

    `status` is answered without asking the server; after `forward` it is asked and then answered so:
    the server has done what the client hears has failed. `delay` is seconds before anything.
    `late` is seconds after that. `hold` is waited for: before the server is asked, or, with `forward`,
    after it.
    `cut` breaks the connection after so many bytes of the answer's body; 0 gives no answer at all.
    `strip` is a header that the server never gets to see.
    """

    when: Callable[[str, str], bool]
    times: int = 1_000_000
    status: int | None = None
    forward: bool = False
    delay: float = 0.0
    cut: int | None = None
    strip: str = ""
    late: float = 0.0
    hold: threading.Event | None = None


@dataclass
class Proxy:
    """Where it listens, what it does, and the calls (method, path) that came through.

    With `strict_clock` requests of a wrong time are refused, as S3 does it and moto does not.
    """

    url: str = ""
    harms: list[Harm] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    strict_clock: bool = False

    def next_harm(self, method: str, path: str) -> Harm | None:
        with self.lock:
            self.calls.append((method, path))
            for harm in self.harms:
                if harm.times > 0 and harm.when(method, path):
                    harm.times -= 1
                    return harm
        return None

    def count(self, method: str, part: str = "") -> int:
        with self.lock:
            return sum(m == method and part in p for m, p in self.calls)


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    upstream: str

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        body = self._body()
        harm = self.proxy.next_harm(self.command, self.path)
        with contextlib.suppress(ConnectionError):  # the client has gone
            if self.proxy.strict_clock and self._is_out_of_time():
                self._fail(403, "RequestTimeTooSkewed")
            elif harm is None:
                self._answer(*self._ask(body), None)
            else:
                self._harm(harm, body)

    def _harm(self, harm, body):
        time.sleep(harm.delay)
        del self.headers[harm.strip]
        if harm.hold is not None and not harm.forward:
            harm.hold.wait(60)
        silent = harm.status is not None or harm.cut == 0
        answer = self._ask(body) if harm.forward or not silent else None
        time.sleep(harm.late)
        if harm.hold is not None and harm.forward:
            harm.hold.wait(60)
        if harm.status is not None:
            self._fail(harm.status)
        elif harm.cut == 0:
            self._break()
        else:
            self._answer(*answer, harm.cut)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - the library's names

    def _body(self):
        if "100-continue" in self.headers.get("Expect", ""):
            pass  # BaseHTTPRequestHandler has answered that
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _ask(self, body):
        address = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            headers = {
                k: v for k, v in self.headers.items()
                if k.lower() not in _HOP | {"content-length", "expect"}
            }  # fmt: skip
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status, headers, body, cut):
        self.send_response_only(status)
        length = None
        for name, value in headers:
            if name.lower() == "content-length":
                length = value
            elif name.lower() not in _HOP:
                self.send_header(name, value)
        bare = self.command == "HEAD"
        self.send_header("Content-Length", length if bare and length else str(len(body)))
        self.end_headers()
        if not bare:
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self._break()

    def _is_out_of_time(self):
        said = datetime.strptime(f"{self.headers['X-Amz-Date']}+0000", "%Y%m%dT%H%M%SZ%z")
        return abs((said - datetime.now(UTC)).total_seconds()) > _CLOCK_SECONDS

    def _fail(self, status, code=""):
        code = code or _CODES.get(status, "InternalError")
        text = f"<Error><Code>{code}</Code><Message>by the proxy</Message></Error>".encode()
        if self.command == "HEAD":
            text = b""
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Date", self.date_time_string())
        self.end_headers()
        self.wfile.write(text)

    def _break(self):
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    """Run a proxy on a free port of 127.0.0.1 until the block ends."""
    proxy = Proxy()
    handler = type("Handler", (_Handler,), {"proxy": proxy, "upstream": upstream})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
