"""Signed addresses: where the download of an artifact really comes from."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from .server import Request, Response

if TYPE_CHECKING:
    from .hub import FakeGitHub

NAME = "downloads"
_PREFIX = "/_signed/"
_KEY = secrets.token_bytes(32)


def wanted(path: str) -> bool:
    """Tell whether this is such an address."""
    return path.startswith(_PREFIX)


def signed(base: str, full_name: str, artifact: int) -> str:
    """Return an address that is good without a token."""
    path = f"{_PREFIX}{full_name}/{artifact}.zip"
    return f"{base}{path}?se=2099-01-01T00%3A00%3A00Z&sig={_sign(path)}"


def serve(github: FakeGitHub, request: Request) -> Response:
    """Give the bytes. As at GitHub's storage, a token in the request is an error."""
    target = urlsplit(request.target)
    given = parse_qs(target.query).get("sig", [""])[0]
    if not hmac.compare_digest(given, _sign(target.path)):
        return Response(403, b"AuthenticationFailed", {"Content-Type": "application/xml"})
    if any(name.lower() == "authorization" for name in request.headers):
        return Response(400, b"InvalidAuthenticationInfo", {"Content-Type": "application/xml"})
    full_name, _, name = target.path.removeprefix(_PREFIX).rpartition("/")
    artifact = github.repositories[full_name].artifacts[int(name.removesuffix(".zip"))]
    return Response(200, artifact.content, {"Content-Type": "application/zip"})


def _sign(path: str) -> str:
    return hmac.new(_KEY, path.encode(), hashlib.sha256).hexdigest()
