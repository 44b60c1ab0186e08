"""Push and clone: `git http-backend` on the bare repositories, behind GitHub's rules."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .people import Token
from .repository import Repository
from .server import Request, Response

if TYPE_CHECKING:
    from .hub import FakeGitHub

_PATH = re.compile(
    r"/(?P<name>[^/]+/[^/]+?)(?:\.git)?/(?P<rest>info/refs|git-upload-pack|git-receive-pack)"
)


def service(request: Request) -> str | None:
    """Return what git asks for, such as `smart-http/receive-pack`, or None when it is not git."""
    target = urlsplit(request.target)
    found = _PATH.fullmatch(target.path)
    if found is None:
        return None
    return "smart-http/" + found["rest"].removeprefix("git-").replace("/", "-")


def serve(github: FakeGitHub, request: Request, token: Token | None) -> Response:
    """Answer git; a push that is accepted makes events, as on GitHub."""
    target = urlsplit(request.target)
    found = _PATH.fullmatch(target.path)
    assert found is not None
    repository = github.repositories.get(found["name"])
    pushes = "git-receive-pack" in (found["rest"], target.query.removeprefix("service="))
    if refusal := _refusal(github, repository, token, pushes=pushes):
        return refusal
    assert repository is not None
    backend = _backend(repository, request, found["rest"], token, pushes=pushes)
    if pushes and found["rest"] == "git-receive-pack":
        github.settle(repository, token)
    return backend


def _refusal(
    github: FakeGitHub, repository: Repository | None, token: Token | None, *, pushes: bool
) -> Response | None:
    ask = {"WWW-Authenticate": 'Basic realm="GitHub"'}
    if token is None and (pushes or repository is None or repository.private):
        return Response(401, b"Authentication required\n", ask)
    if repository is None or not github.sees(token, repository):
        return Response(404, b"Repository not found.\n")
    allowed = github.writes(token, repository) and token is not None and (
        token.permissions is None or token.may("contents", "write"))  # fmt: skip
    if pushes and not allowed:
        assert token is not None
        told = f"Permission to {repository.full_name}.git denied to {token.user.login}.\n"
        return Response(403, told.encode())
    private = repository.private and token is not None and token.permissions is not None
    if private and token is not None and not token.may("contents", "read"):
        return Response(403, b"Write access to repository not granted.\n")
    return None


def _backend(
    repository: Repository, request: Request, rest: str, token: Token | None, *, pushes: bool
) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    environment = {
        **repository.git.environment,
        "GIT_PROJECT_ROOT": str(repository.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": "/" + rest,
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": urlsplit(request.target).query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_GIT_PROTOCOL": headers.get("git-protocol", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "REMOTE_USER": token.user.login if token else "",
        "REMOTE_ADDR": "127.0.0.1",
    }
    if pushes and token is not None:
        environment["FAKE_PROTECTED"] = " ".join(
            f"refs/heads/{name}" for name, rules in repository.protections.items()
            if token.user.login not in rules.bypass
        )  # fmt: skip
        free = token.permissions is None or token.may("workflows", "write")
        environment["FAKE_NO_WORKFLOWS"] = "" if free else "1"
    done = subprocess.run(
        ["git", "http-backend"], input=request.body, capture_output=True, env=environment,
        check=False, timeout=100,
    )  # fmt: skip
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    given = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
    status = int(given.pop("Status", "200").split()[0])
    return Response(status, body, given)
