"""A stateful GitHub for tests: real git repositories, and answers held to GitHub's own description."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import apps, events, operations, pushes
from .apps import App
from .calls import OPERATIONS
from .faults import SECONDARY, Fault, Faults
from .front import Front
from .people import ACTIONS_APP, ACTIONS_BOT, Token, TokenKind, User
from .records import Called, Event, Run, Violation
from .repository import Repository
from .server import Server
from .spec import Spec

operations.load()


class FakeGitHub:
    """A GitHub at `base`, with its repositories under a folder; use it in a `with` statement.

    `events` is what webhooks would deliver, `calls` what was asked, `violations` what was not as
    GitHub describes it. `lock` is held while a request is answered.
    """

    def __init__(self, folder: Path, *, mergeable_unread: int = 1) -> None:
        self.folder = folder
        self.mergeable_unread = mergeable_unread
        self.events: list[Event] = []
        self.calls: list[Called] = []
        self.violations: list[Violation] = []
        self.repositories: dict[str, Repository] = {}
        self.users: dict[str, User] = {}
        self.apps: dict[int, User] = {ACTIONS_APP: User("github-actions[bot]", ACTIONS_BOT, "Bot")}
        self.tokens: dict[str, Token] = {}
        self.keys: dict[int, App] = {}
        self.faults = Faults()
        # Whose identity tokens of workflow runs are genuine: an issuer, or nobody's.
        self.issuer: Any = None
        # How long a token of an App lasts; on GitHub it is an hour.
        self.app_token_seconds = 3600
        self.lock = threading.RLock()
        self._ids = itertools.count(1001)
        answer = Front(self).answer
        # Downloads come from elsewhere, so that clients take the token out when they are sent there.
        self._server, self._storage = Server(answer), Server(answer)
        self.base, self.storage = self._server.base, self._storage.base
        self.spec = Spec(OPERATIONS, self.base)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._server.start()
        self._storage.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        """End, and free the ports."""
        self._server.stop()
        self._storage.stop()

    def new_id(self) -> int:
        """Return a number that nothing else has."""
        return next(self._ids)

    def user(self, login: str, id: int | None = None, kind: Any = None) -> User:  # noqa: A002 - as the API calls it
        """Return the account of a login, made when there is none yet."""
        known = self.users.get(login.lower())
        if known is None or (id is not None and known.id != id):
            kind = kind or ("Bot" if login.endswith("[bot]") else "User")
            known = self.users[login.lower()] = User(login, id or self.new_id(), kind)
        return known

    def create_repository(
        self, full_name: str, *, private: bool = False, files: Mapping[str, Any] | None = None
    ) -> Repository:
        """Make a repository; `files` are the first commit on main."""
        owner = self.user(full_name.partition("/")[0], kind="Organization")
        made = Repository(self, full_name, owner, private=private, parent=None)
        self.repositories[full_name] = made
        if files:
            made.commit(files, message="first")
        return made

    def fork(self, full_name: str, login: str) -> Repository:
        """Make somebody's fork of a repository, with its branches as they are now."""
        parent = self.repositories[full_name]
        name = f"{self.user(login).login}/{parent.name}"
        made = Repository(self, name, self.user(login), private=parent.private, parent=parent)
        self.repositories[name] = made
        made.git.run("fetch", "-q", str(parent.path), "+refs/heads/*:refs/heads/*")
        made.known = made.git.refs()
        return made

    def token(
        self, login: str, id: int | None = None, *, permissions: Mapping[str, str] | None = None,  # noqa: A002
        kind: TokenKind = "user", app_id: int | None = None,
        repositories: Collection[str] | None = None, limit: int | None = None,
    ) -> Token:  # fmt: skip
        """Return a new token of an account; `token.value` is what a client sends.

        `app`: the account is the bot of an App, with `[bot]` after its name. `GITHUB_TOKEN`: the
        account is `github-actions[bot]`, and what it does makes no events.
        """
        if kind == "GITHUB_TOKEN":
            user, app_id = self.user("github-actions[bot]", ACTIONS_BOT, "Bot"), ACTIONS_APP
        elif kind == "app":
            user = self.user(login.removesuffix("[bot]") + "[bot]", id, "Bot")
            app_id = app_id or next((i for i, u in self.apps.items() if u == user), self.new_id())
            self.apps[app_id] = user
        else:
            user = self.user(login, id)
        prefix = {"user": "ghp", "app": "ghs", "GITHUB_TOKEN": "ghs"}[kind]
        value = f"{prefix}_fake{self.new_id()}"
        allowed = None if permissions is None and kind == "user" else dict(permissions or {})
        made = Token(value, user, kind, allowed, app_id, repositories,
                     limit or (1000 if kind == "GITHUB_TOKEN" else 5000))  # fmt: skip
        self.tokens[value] = made
        return made

    def app(self, slug: str, permissions: Mapping[str, str]) -> App:
        """Make an App that is installed on every repository; its account is `<slug>[bot]`."""
        return apps.register(self, slug, permissions)

    def actor(self, user: User) -> Token:
        """Return a token for what an account does without asking over HTTP."""
        return Token("", user)

    def sees(self, token: Token | None, repository: Repository) -> bool:
        """Tell whether a repository is there for somebody."""
        if token is not None and token.repositories is not None:
            return repository.full_name in token.repositories
        if not repository.private or (token is not None and token.app):
            return True
        known = token is not None and token.user.login in repository.collaborators
        return known or (token is not None and token.user == repository.owner)

    def writes(self, token: Token | None, repository: Repository) -> bool:
        """Tell whether the owner of a token may write to a repository."""
        if token is None:
            return False
        return token.app or repository.role(token.user) in {"write", "admin"}

    def fail(
        self, operation: str, *, status: int = 500, times: int | None = 1,
        headers: Mapping[str, str] | None = None, body: Any = None,
    ) -> None:  # fmt: skip
        """Answer the next requests with an error; nothing is done."""
        self.faults.add(Fault("error", operation, times, status, headers or {}, body))

    def limit(self, operation: str = "*", *, status: int = 403, retry_after: int | None = 1,
              times: int | None = 1) -> None:  # fmt: skip
        """Answer the next requests with the secondary rate limit (403 or 429)."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        docs = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
        self.fail(operation, status=status, times=times, headers=headers,
                  body={"message": SECONDARY, "documentation_url": docs})  # fmt: skip

    def slow(self, operation: str, seconds: float, *, times: int | None = 1) -> None:
        """Wait before the next answers."""
        self.faults.add(Fault("slow", operation, times, seconds=seconds))

    def drop(self, operation: str, *, after: bool = True, times: int | None = 1) -> None:
        """Lose the next answers: the connection is closed, `after` all was done or before it."""
        self.faults.add(Fault("drop", operation, times, after=after))

    def truncate(self, operation: str, keep: int, *, times: int | None = None) -> None:
        """Give only the first items of lists, without saying that there are more."""
        self.faults.add(Fault("truncate", operation, times, keep=keep))

    def emit(
        self, name: str, repository: Repository, token: Token | None, /, **payload: Any
    ) -> None:
        """Make an event, unless GITHUB_TOKEN caused it."""
        events.emit(self, name, repository, token, payload)

    def emit_run(self, repository: Repository, run: Run, action: str) -> None:
        """Make the event of a run of a workflow."""
        events.emit_run(self, repository, run, action)

    def settle(self, repository: Repository, token: Token | None, *, silent: bool = False) -> None:
        """Do what follows from branches that moved: events, and pull requests brought up to date."""
        pushes.settle(self, repository, token, silent=silent)
