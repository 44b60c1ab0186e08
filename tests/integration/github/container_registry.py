"""A registry of container images on 127.0.0.1: CNCF's distribution, opened by tokens as ghcr.io is.

The registry sends clients to a token service, which asks who they are by HTTP's basic authentication.
The password is a token of the fake GitHub: it pushes with `packages: write`, and below its own
repository's name only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "github"))
from actions.certificate import make_certificate

_UNPACKED = Path(__file__).resolve().parents[3] / ".registry/docker-registry"
_PROGRAM = str(_UNPACKED) if _UNPACKED.exists() else shutil.which("docker-registry")
_SERVICE = "images"
_SCOPE = re.compile(r"repository:([^:]+):([a-z,*]+)")
_LISTENS = re.compile(r"listening on 127\.0\.0\.1:([0-9]+)")
_CHANGED = re.compile(r'"(PUT|POST|PATCH|DELETE) (\S+) HTTP/[0-9.]+" 2')
_SECONDS = 20


def available() -> bool:
    """Tell whether there is a registry, and what copies images to it (scripts/setup-registry)."""
    return bool(_PROGRAM and shutil.which("skopeo"))


class ContainerRegistry:
    """A running registry; `pushed` are the requests that changed something, as method and path."""

    def __init__(self, folder: Path, hub, repository: str) -> None:
        folder.mkdir()
        self.hub, self.repository = hub, repository
        self._key, self._certificate = folder / "key.pem", folder / "certificate.pem"
        make_certificate(self._certificate, self._key)
        self.tokens = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
        self.tokens.daemon_threads = True
        self.tokens.registry = self
        self._data = folder / "data"
        self.log, self.access = folder / "log", folder / "access"
        self._settings = folder / "settings.yml"
        realm = f"http://127.0.0.1:{self.tokens.server_port}/token"
        settings = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(self._data)}},
            "http": {"addr": "127.0.0.1:0", "secret": "none"},
            "auth": {"token": {"realm": realm, "service": _SERVICE, "issuer": _SERVICE,
                               "rootcertbundle": str(self._certificate)}},
        }  # fmt: skip
        self._settings.write_text(json.dumps(settings))
        self.port = 0

    @contextmanager
    def running(self) -> Iterator[ContainerRegistry]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self.tokens.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            with self.log.open("wb") as log, self.access.open("wb") as access, subprocess.Popen(
                [str(_PROGRAM), "serve", str(self._settings)], stdout=access, stderr=log,
                stdin=subprocess.DEVNULL,
            ) as process:  # fmt: skip
                try:
                    self.port = self._listens(process)
                    yield self
                finally:
                    process.kill()
        finally:
            self.tokens.shutdown()
            thread.join()
            self.tokens.server_close()

    def _listens(self, process: subprocess.Popen[bytes]) -> int:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and process.poll() is None:
            if match := _LISTENS.search(self.log.read_text()):
                return int(match[1])
            time.sleep(0.05)
        raise AssertionError(f"the registry does not listen:\n{self.log.read_text()}")

    @property
    def ports(self) -> tuple[int, int]:
        return self.port, self.tokens.server_port

    @property
    def home(self) -> dict[str, str]:
        """Return the file by which skopeo in a runner's home speaks to this registry without TLS."""
        text = f'[[registry]]\nlocation = "127.0.0.1:{self.port}"\ninsecure = true\n'
        return {".config/containers/registries.conf": text}

    @property
    def pushed(self) -> list[tuple[str, str]]:
        return _CHANGED.findall(self.access.read_text())

    def held(self) -> dict[str, str]:
        """Return the digest of every file that the registry keeps."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self._data.rglob("*")
            if path.is_file()
        }

    def ask(self, name: str, path: str, accept: str = "*/*") -> requests.Response:
        """Ask the HTTP API about an image, as somebody who may read all of them."""
        token = self.grant(f"repository:{name}:pull", "pull")
        with requests.Session() as session:
            # Nothing of this machine's configuration.
            session.trust_env = False
            return session.get(
                f"http://127.0.0.1:{self.port}/v2/{name}/{path}", timeout=10,
                headers={"Authorization": f"Bearer {token}", "Accept": accept},
            )  # fmt: skip

    def grant(self, scope: str, *allowed: str) -> str:
        """Return a token for what of a scope is allowed."""
        match = _SCOPE.fullmatch(scope)
        access = []
        if match:
            actions = [action for action in match[2].split(",") if action in allowed]
            access = [{"type": "repository", "name": match[1], "actions": actions}]
        now = int(time.time())
        certificate = x509.load_pem_x509_certificate(self._certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        said = {"iss": _SERVICE, "sub": "", "aud": _SERVICE, "iat": now, "nbf": now - 60,
                "exp": now + 300, "jti": "1", "access": access}  # fmt: skip
        header = {"x5c": [base64.b64encode(der).decode()]}
        return jwt.encode(said, self._key.read_bytes(), algorithm="ES256", headers=header)

    def allowed(self, password: str, scope: str) -> tuple[str, ...] | None:
        """Return what a token of GitHub may do in a scope; None for a stranger."""
        token = self.hub.tokens.get(password)
        if token is None:
            return None
        match = _SCOPE.fullmatch(scope)
        if match is None or not match[1].startswith(f"{self.repository.lower()}/"):
            return ()
        levels = {"pull": "read", "push": "write"}
        return tuple(action for action, level in levels.items() if token.may("packages", level))


class _Tokens(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        registry = self.server.registry
        scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
        kind, _, secret = self.headers.get("Authorization", "").partition(" ")
        text = base64.b64decode(secret).decode() if kind == "Basic" else ""
        allowed = registry.allowed(text.partition(":")[2], scope)
        if allowed is None:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = json.dumps({"token": registry.grant(scope, *allowed)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Be quiet."""
