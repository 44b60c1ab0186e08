"""What happens to every request: faults, who asks, rate limits, and a note of the call."""

from __future__ import annotations

import base64
import binascii
import json
import time
import traceback
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import apps, downloads, git_http
from .faults import Fault
from .people import Token
from .records import Called, Violation
from .rest import Rest
from .server import Request, Response

if TYPE_CHECKING:
    from .hub import FakeGitHub

_HOUR = 3600
_ANONYMOUS = 60


class Front:
    """Takes requests in, and knows where they go."""

    def __init__(self, github: FakeGitHub) -> None:
        self._github = github
        self._rest = Rest(github)
        self._reset = int(time.time()) + _HOUR
        self._anonymous = 0

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None is an answer that is lost."""
        github, path = self._github, urlsplit(request.target).path
        git = git_http.service(request)
        name = git or (downloads.NAME if downloads.wanted(path) else self._rest.name(request))
        with github.lock:
            faults = github.faults.take(name)
        by_kind = {fault.kind: fault for fault in faults}
        if "slow" in by_kind:
            time.sleep(by_kind["slow"].seconds)
        lost, error = by_kind.get("drop"), by_kind.get("error")
        response: Response | None = None
        if error is not None:
            headers = {"Content-Type": "application/json; charset=utf-8", **error.headers}
            response = Response(error.status, error.content, headers)
        elif lost is None or lost.after:
            with github.lock:
                try:
                    response = self._carry_out(request, name, faults)
                except Exception:  # noqa: BLE001 - a mistake of the fake must not look like a lost answer
                    github.violations.append(Violation("mistake", name, [traceback.format_exc()]))
                    response = Response(500, b'{"message": "a mistake of the fake"}')
        if lost is not None:
            response = None
        status = 0 if response is None else response.status
        github.calls.append(Called(request.method, path, name, status))
        return response

    def _carry_out(self, request: Request, name: str, faults: list[Fault]) -> Response:
        if name == downloads.NAME:
            return downloads.serve(self._github, request)
        sent = next((v for k, v in request.headers.items() if k.lower() == "authorization"), "")
        token = self._github.tokens.get(_secret(sent)) or apps.identify(self._github, _secret(sent))
        if token is not None and token.ends is not None and token.ends <= time.time():
            token = None
        git = git_http.service(request) is not None
        if sent and token is None:
            ask = {"WWW-Authenticate": 'Basic realm="GitHub"'} if git else {}
            return Response(401, json.dumps({"message": "Bad credentials", "status": "401", "documentation_url": "https://docs.github.com/rest"}).encode(), {"Content-Type": "application/json", **ask})  # fmt: skip
        if git:
            return git_http.serve(self._github, request, token)
        limits = self._count(token, free=name == "rate-limit/get")
        if limits is None:
            who = f"user ID {token.user.id}" if token else "127.0.0.1"
            told = {"message": f"API rate limit exceeded for {who}.",
                    "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}  # fmt: skip
            response = Response(403, json.dumps(told).encode(), {"Content-Type": "application/json"})  # fmt: skip
        else:
            response = self._rest.answer(request, token, faults)
        used = token.used if token else self._anonymous
        most = token.limit if token else _ANONYMOUS
        response.headers.update({
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(max(most - used, 0)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(self._reset),
            "X-RateLimit-Resource": "core",
            "X-GitHub-Media-Type": "github.v3; format=json",
        })  # fmt: skip
        return response

    def _count(self, token: Token | None, *, free: bool) -> int | None:
        """Count a request; return None when there may be no more."""
        used = token.used if token else self._anonymous
        most = token.limit if token else _ANONYMOUS
        if free:
            return used
        if used >= most:
            return None
        if token:
            token.used += 1
        else:
            self._anonymous += 1
        return used + 1


def _secret(sent: str) -> str:
    """Return the token of an Authorization header: `token X`, `Bearer X`, or the password of Basic."""
    kind, _, value = sent.partition(" ")
    if kind.lower() != "basic":
        return value.strip()
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
