"""From a request of the REST API to its answer: who asks, may they, is it valid, which page."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from .calls import OPERATIONS, Call, Listing, Operation, Refused, Reply, not_accessible
from .faults import Fault
from .people import Token
from .plumbing import GitError
from .records import Violation
from .server import Request, Response

if TYPE_CHECKING:
    from .hub import FakeGitHub

_PER_PAGE, _MOST = 30, 100
_APPS_ONLY = ("checks/create", "checks/update")


class Rest:
    """The REST API of the fake."""

    def __init__(self, github: FakeGitHub) -> None:
        self._github = github

    def name(self, request: Request) -> str:
        """Return which operation is asked for."""
        found = self._github.spec.match(request.method, unquote(urlsplit(request.target).path))
        return found[0].operation if found else ""

    def answer(self, request: Request, token: Token | None, faults: list[Fault]) -> Response:
        """Answer a request, errors included."""
        headers: dict[str, str] = {}
        try:
            status, body = self._carry_out(request, token, faults, headers)
        except Refused as refused:
            status, body = refused.status, refused.body
            headers.update(refused.headers)
        except GitError as error:
            status, body = 422, {"message": str(error), "documentation_url": "https://docs.github.com/rest"}  # fmt: skip
        data = b"" if body is None else json.dumps(body).encode()
        if request.method == "GET" and status == 200:
            headers["ETag"] = f'W/"{hashlib.sha256(data).hexdigest()}"'
            if request.headers.get("If-None-Match") == headers["ETag"]:
                status, data = 304, b""
        headers["Content-Type"] = "application/json; charset=utf-8"
        return Response(status, data, headers)

    def _carry_out(
        self, request: Request, token: Token | None, faults: list[Fault], headers: dict[str, str]
    ) -> tuple[int, Any]:
        target = urlsplit(request.target)
        found = self._github.spec.match(request.method, unquote(target.path))
        if found is None:
            raise Refused(404, "Not Found")
        route, params = found
        if not route.known:
            raise Refused(501, f"this GitHub does not know the operation {route.operation}")
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        call = Call(self._github, route.operation, params, query, None, token)
        known = OPERATIONS[route.operation]
        self._authorize(call, known, request.method)
        call.body = self._body(route.operation, request.body)
        result = known.run(call)
        reply = result if isinstance(result, Reply) else None
        status = reply.status if reply else self._github.spec.success(route.operation)
        body = reply.body if reply else result
        if reply:
            headers.update(reply.headers)
        if isinstance(body, Listing):
            body = self._page(body, call, target.path, faults, headers)
        wrong = self._github.spec.response_errors(route.operation, status, body)
        if wrong:
            self._github.violations.append(Violation("response", route.operation, wrong))
        return status, None if status == 204 else body

    def _authorize(self, call: Call, known: Operation, method: str) -> None:
        token, reads = call.token, method == "GET"
        if token is None and (known.secret or not reads):
            raise Refused(401, "Requires authentication")
        if "repo" not in call.params:
            return
        repository = call.repo
        if not self._github.sees(token, repository):
            raise Refused(404, "Not Found")
        level = "read" if reads else "write"
        needed = ",".join(f"{name}={level}" for name in known.permissions)
        open_to_all = reads and not repository.private and not known.secret
        if token is None or open_to_all:
            return
        if call.operation in _APPS_ONLY and not token.app:
            raise Refused(403, "You must authenticate via a GitHub App.")
        granted = token.permissions is None or any(token.may(p, level) for p in known.permissions)
        if known.permissions and not granted:
            raise not_accessible(token, needed)
        if not reads and not known.anyone and not self._github.writes(token, repository):
            raise Refused(404, "Not Found")

    def _body(self, operation: str, raw: bytes) -> Any:
        if not raw:
            return {}
        try:
            body = json.loads(raw)
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if operation in {"issues/add-labels", "issues/set-labels"} and isinstance(body, list):
            # GitHub takes a bare array too; its description does not say so.
            body = {"labels": body}
        wrong = self._github.spec.request_errors(operation, body)
        if wrong:
            self._github.violations.append(Violation("request", operation, wrong))
            raise Refused(422, "Invalid request.\n\n" + "\n".join(wrong))
        return body

    def _page(
        self, listing: Listing, call: Call, path: str, faults: list[Fault], headers: dict[str, str]
    ) -> Any:
        try:
            size = min(max(int(call.query.get("per_page", _PER_PAGE)), 1), _MOST)
            page = max(int(call.query.get("page", 1)), 1)
        except ValueError:
            size, page = _PER_PAGE, 1
        items = listing.items
        for fault in faults:
            if fault.kind == "truncate":
                items = items[: fault.keep]
        last = max(math.ceil(len(items) / size), 1)
        pages: dict[str, int] = {}
        if page < last:
            pages.update(next=page + 1, last=last)
        if page > 1:
            pages.update(prev=page - 1, first=1)
        if pages:
            headers["Link"] = ", ".join(
                f"<{self._github.base}{path}?{urlencode({**call.query, 'page': number})}>; "
                f'rel="{rel}"'
                for rel, number in pages.items()
            )
        built = [listing.build(item) for item in items[(page - 1) * size : page * size]]
        if listing.key is None:
            return built
        return {**listing.more, "total_count": len(listing.items), listing.key: built}
