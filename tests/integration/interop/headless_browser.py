"""A headless Chromium, and a web server through which everything goes that it asks for."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from interop_verifiers import JS, require_node

# The names that scripts/setup-js looks for.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Web:
    """What is served, and what was asked for elsewhere."""

    address: str
    pages: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Visit:
    """What a page's script left in `globalThis.answers`, and every address that it asked for."""

    answers: Any
    requests: list[str]


class Browser:
    """Chromium with a new profile below `folder`; it reaches nothing but through `web`."""

    def __init__(self, program: str, folder: Path, web: Web) -> None:
        self._program, self._folder, self._web = program, folder, web

    @property
    def is_silent(self) -> bool:
        """Tell whether the program asks for nothing by itself, as the shell without services does."""
        return self._program == _NAMES[0]

    def visit(self, url: str) -> Visit:
        """Open a page and wait for its answers."""
        profile = self._folder / f"profile-{len(list(self._folder.iterdir()))}"
        profile.mkdir()
        # Also what would go to this machine is sent through the proxy, which is the web server.
        network = (f"--proxy-server={self._web.address}", "--proxy-bypass-list=<-loopback>")
        done = subprocess.run(
            ["node", str(JS / "browser.mjs"), self._program, *_FLAGS, *network,
             f"--user-data-dir={profile}", url],
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return Visit(**json.loads(done.stdout))


def find_browser() -> str:
    """Return the program; skip the test where there is none."""
    require_node()
    found = next((name for name in _NAMES if shutil.which(name)), "")
    if not found:
        pytest.skip("there is no Chromium on this machine (scripts/setup-js browser installs one)")
    return found


def verifying_script(target: Path) -> str:
    """Return the page's verifier as one script that needs nothing else."""
    subprocess.run(
        [str(JS / "node_modules/.bin/esbuild"), str(JS / "page.mjs"), "--bundle", "--minify",
         "--format=iife", f"--outfile={target}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return target.read_text()


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    """Serve pages on a free port, as a web server and as a proxy."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.web = Web(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        web = self.server.web
        address = urlsplit(self.path)
        if address.netloc and f"http://{address.netloc}" != web.address:
            self._refuse()
            return
        web.asked.append(address.path)
        content = web.pages.get(address.path)
        body = (content or "").encode()
        self.send_response(404 if content is None else 200)
        kind = "text/javascript" if address.path.endswith(".js") else "text/html"
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self) -> None:
        self.server.web.elsewhere.append(f"{self.command} {self.path}")
        self.send_error(403)

    do_CONNECT = do_POST = do_HEAD = _refuse  # noqa: N815 - the names that http.server calls
