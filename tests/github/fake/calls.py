"""A request to the REST API while it is answered, and the table of the operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .people import Token, User
from .records import Item

if TYPE_CHECKING:
    from .hub import FakeGitHub
    from .repository import Repository


class Refused(Exception):  # noqa: N818 - it is an answer, not an accident
    """The answer is an error."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.headers: dict[str, str] = more.pop("headers", {})
        self.body = {
            "message": message, **more,
            "documentation_url": "https://docs.github.com/rest", "status": str(status),
        }  # fmt: skip


def invalid(resource: str, code: str, **more: Any) -> Refused:
    """Return GitHub's answer to a request that it cannot carry out."""
    return Refused(422, "Validation Failed", errors=[{"resource": resource, "code": code, **more}])


@dataclass(slots=True)
class Listing:
    """A list that is given out by pages; only what is on the page is built. `key` wraps it."""

    items: Sequence[Any]
    build: Callable[[Any], Any]
    key: str | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Reply:
    """An answer with another status than the usual one, or with headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """One request: who asks for what."""

    github: FakeGitHub
    operation: str
    params: dict[str, str]
    query: dict[str, str]
    body: Any
    token: Token | None

    @property
    def repo(self) -> Repository:
        """The repository that the path names."""
        name = f"{self.params['owner']}/{self.params['repo']}".lower()
        for full_name, repository in self.github.repositories.items():
            if full_name.lower() == name:
                return repository
        raise Refused(404, "Not Found")

    @property
    def user(self) -> User:
        """Who asks."""
        if self.token is None:
            raise Refused(401, "Requires authentication")
        return self.token.user

    @property
    def app_id(self) -> int | None:
        """The App that asks."""
        return self.token.app_id if self.token else None

    def item(self, *, pull: bool = False) -> Item:
        """The issue or the pull request that the path names."""
        number = self.params["pull_number" if pull else "issue_number"]
        found = self.repo.items.get(int(number)) if number.isdecimal() else None
        if found is None or (pull and found.pull is None):
            raise Refused(404, "Not Found")
        return found

    def commit(self, name: str) -> str:
        """The commit that a name means."""
        found = self.repo.git.commit_of(name)
        if found is None:
            raise Refused(422, f"No commit found for SHA: {name}")
        return found

    def need(self, permission: str, level: str = "write") -> None:
        """Refuse when the token may not."""
        if self.token is None or not self.token.may(permission, level):
            raise not_accessible(self.token, f"{permission}={level}")

    def emit(self, event: str, /, **payload: Any) -> None:
        """Make an event of the repository."""
        self.github.emit(event, self.repo, self.token, **payload)

    def example(self, operation: str | None = None) -> Any:
        """GitHub's example of an answer, told about this repository."""
        return self.github.spec.example(operation or self.operation, self.repo.full_name)


def not_accessible(token: Token | None, needed: str) -> Refused:
    """Return the refusal of a token that lacks a permission."""
    if token is None:
        return Refused(401, "Requires authentication")
    kind = "integration" if token.app else "personal access token"
    return Refused(
        403, f"Resource not accessible by {kind}", headers={"X-Accepted-GitHub-Permissions": needed}
    )


@dataclass(frozen=True, slots=True)
class Operation:
    """How an operation is answered.

    `permissions`: one of them is needed. `anyone` may do it without write access, as opening an
    issue. `secret`: a token is needed even for reading what is public.
    """

    run: Callable[[Call], Any]
    permissions: tuple[str, ...]
    anyone: bool
    secret: bool


OPERATIONS: dict[str, Operation] = {}


def operation(
    name: str, *permissions: str, anyone: bool = False, secret: bool = False
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Register the answer to an operation of GitHub's description."""

    def register(run: Callable[[Call], Any]) -> Callable[[Call], Any]:
        OPERATIONS[name] = Operation(run, permissions, anyone, secret)
        return run

    return register
