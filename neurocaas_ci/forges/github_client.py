"""Speak with GitHub through PyGithub: patient with its limits, with errors of our own."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError, UsageError
from neurocaas_ci.forges.credentials import SERVER
from neurocaas_ci.forges.rights import NEEDED, Rights

if TYPE_CHECKING:
    from github import Github
    from github.Repository import Repository

API = "https://api.github.com"
_NAME = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
# The public one answers within seconds; what takes longer is asked again.
_TIMEOUT_SECONDS = 30
_BUSY = 429
_SERVER_ERROR = 500
_UNKNOWN, _DENIED = 401, 403
_ANNOUNCED_LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is on a GitHub: `owner/name`, the API's address, and who is asking.

    `bot` is the login under which comments are written; None asks GitHub whose token it is. `server`
    is where repositories are cloned from. `token` is the one that was known first.
    """

    repository: str
    token: str
    api: str = API
    bot: str | None = None
    server: str = SERVER
    renewed: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    def fresh(self) -> str:
        """Return a token that has not ended: one of an app is made anew when its hour is nearly over."""
        return self.token if self.renewed is None else self.renewed()


def address_from(
    environment: Mapping[str, str], repository: str | None = None, needed: Rights = NEEDED
) -> Address:
    """Return the address that the variables of GitHub Actions name.

    `GITHUB_TOKEN` (or `GH_TOKEN`), `GITHUB_REPOSITORY`, `GITHUB_API_URL` and `GITHUB_SERVER_URL` are
    GitHub's own names. With `NEUROCAAS_APP_ID` and `NEUROCAAS_APP_KEY` a token of that app is made, for
    this repository and with the `needed` rights (default: all that the bot uses). Raise UsageError
    when something is missing.
    """
    name = repository or environment.get("GITHUB_REPOSITORY", "")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no repository on GitHub" if name else "no repository on GitHub is named",
            where="GITHUB_REPOSITORY",
            hint="run this in a clone whose origin is there, or set GITHUB_REPOSITORY=OWNER/NAME",
        )
    api = environment.get("GITHUB_API_URL") or API
    server = environment.get("GITHUB_SERVER_URL") or SERVER
    app = environment.get("NEUROCAAS_APP_ID"), environment.get("NEUROCAAS_APP_KEY")
    if app[0] and app[1]:
        from neurocaas_ci.forges.github_app import app_token

        made = app_token(app[0], app[1], name, api, needed)
        return Address(name, made.value(), api, made.bot, server, made.value)
    given = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN")
    if not given:
        raise UsageError(
            "there is no token for GitHub",
            where="GITHUB_TOKEN",
            hint="export GITHUB_TOKEN=$(gh auth token); a workflow sets it for each step with env:",
        )
    actions = "github-actions[bot]" if environment.get("GITHUB_ACTIONS") == "true" else None
    return Address(name, given, api, environment.get("NEUROCAAS_BOT") or actions, server)


def connect(address: Address) -> tuple[Github, Repository]:
    """Return a client and its repository; nothing is asked yet."""
    from github import Github

    from neurocaas_ci.forges.github_patience import FreshToken, patience

    client = Github(
        base_url=address.api,
        auth=FreshToken(address.fresh),
        timeout=_TIMEOUT_SECONDS,
        retry=patience(),
        # GitHub asks for a pause between writes of one client; ours come one by one and are few.
        seconds_between_requests=0,
        seconds_between_writes=_pause(),
        per_page=100,
        user_agent="neurocaas-ci",
    )
    # Lazily, for nothing is asked yet; all else that this client makes is asked for at once.
    return client, client.withLazy(lazy=True).get_repo(address.repository)


@contextlib.contextmanager
def translated(action: str, where: str) -> Iterator[None]:
    """Turn errors of PyGithub and of the connection into ours; `action` says what was tried."""
    import requests
    from github import GithubException
    from github.GithubException import RateLimitExceededException

    try:
        yield
    except NeurocaasError:
        raise
    except RateLimitExceededException as error:
        raise BackendUnavailableError(
            f"GitHub's limit is used up: {_words(error)}",
            where=where,
            hint="wait until it is renewed (within the hour), then run the same command again",
        ) from error
    except GithubException as error:
        raise _error(action, where, error.status, _words(error)) from error
    except (requests.RequestException, OSError) as error:
        raise BackendUnavailableError(
            f"{action} failed: GitHub does not answer ({type(error).__name__})",
            where=where,
            hint="try again; what was begun is finished then",
        ) from error


def _error(action: str, where: str, status: int, words: str) -> NeurocaasError:
    if status >= _SERVER_ERROR or status == _BUSY or _ANNOUNCED_LIMIT in words.lower():
        return BackendUnavailableError(
            f"{action} failed: GitHub answers {status} ({words})",
            where=where,
            hint="try again; what was begun is finished then",
        )
    hint = "look at the pull request or the settings of the repository on GitHub"
    if status == _UNKNOWN:
        hint = "the token is not known (any more): make a new one, or look at what has expired"
    if status == _DENIED:
        hint = "the token lacks a permission; `neurocaas doctor` says which ones are needed"
    return UsageError(f"{action} failed: GitHub answers {status} ({words})", where=where, hint=hint)


def _words(error: object) -> str:
    """Return GitHub's own message on one line."""
    data = getattr(error, "data", None)
    text = data.get("message") if isinstance(data, dict) else None
    details = data.get("errors") if isinstance(data, dict) else None
    more = [d["message"] for d in details or () if isinstance(d, dict) and "message" in d]
    words = "; ".join([str(text or error), *map(str, more)])
    return "".join(c for c in " ".join(words.split()) if c.isprintable())[:300]


def _pause() -> float:
    """Return the seconds between two writes; GitHub recommends one (best practices, REST API)."""
    text = os.environ.get("NEUROCAAS_GITHUB_PAUSE", "1")
    try:
        return min(max(float(text), 0.0), 60.0)
    except ValueError:
        raise UsageError(
            f"{text!r} is no number of seconds", where="NEUROCAAS_GITHUB_PAUSE", hint="write 1"
        ) from None
