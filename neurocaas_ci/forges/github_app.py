"""Tokens of a GitHub App: for one repository, with no more rights than are used, renewed in time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.github_client import translated
from neurocaas_ci.forges.hosted import AppFacts
from neurocaas_ci.forges.rights import NEEDED, Rights

if TYPE_CHECKING:
    from github import GithubIntegration

_TIMEOUT_SECONDS = 30
# GitHub's tokens last for an hour; a push that begins now must not end too late.
_MARGIN_SECONDS = 600
_LEVELS = ("read", "write", "admin")


class AppToken:
    """The token of an app for one repository (`owner/name`), made when it is needed.

    `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        app: str,
        key: str,
        repository: str,
        api: str,
        needed: Rights = NEEDED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._key, self._repository, self._api = app, key, repository, api
        self._needed, self._clock = needed, clock
        self._value = ""
        self._until = 0.0
        self._slug = ""

    @property
    def bot(self) -> str:
        """Return the login under which the app writes."""
        if not self._slug:
            with self._asking() as integration:
                self._slug = integration.get_app().slug
        return f"{self._slug}[bot]"

    def facts(self) -> AppFacts:
        """Return what the app may do, as its key lets it see; raise what asking GitHub raises."""
        with self._asking() as integration:
            app = integration.get_app().raw_data
            found = integration.get_repo_installation(*self._repository.split("/")).raw_data
        return AppFacts(
            str(app["slug"]),
            dict(app.get("permissions") or {}),
            dict(found.get("permissions") or {}),
            everywhere=found.get("repository_selection") == "all",
        )

    def value(self) -> str:
        """Return a token that lasts for a while; raise what asking GitHub raises."""
        if self._clock() >= self._until:
            with self._asking() as integration:
                made = self._make(integration)
            self._value = str(made["token"])
            ends = datetime.fromisoformat(str(made["expires_at"])).timestamp()
            left = ends - self._clock()
            # A clock that is wrong makes it ask more often, and nothing else.
            self._until = self._clock() + left - min(_MARGIN_SECONDS, left / 2)
        return self._value

    def _make(self, integration: GithubIntegration) -> Mapping[str, Any]:
        found = integration.get_repo_installation(*self._repository.split("/"))
        # Not `permissions` of the object: PyGithub may not know the newest ones.
        granted = found.raw_data.get("permissions") or {}
        wanted = {
            "repositories": [self._repository.split("/")[1]],
            "permissions": self._within(granted),
        }
        made: Mapping[str, Any]
        _, made = integration.requester.requestJsonAndCheck(
            "POST", f"/app/installations/{found.id}/access_tokens", input=wanted
        )
        return made

    def _within(self, granted: Mapping[str, str]) -> dict[str, str]:
        """Return what is needed, as far as the app has it: GitHub refuses to give more."""
        levels = {
            name: min(_LEVELS.index(level), _LEVELS.index(granted[name]))
            for name, level in self._needed
            if granted.get(name) in _LEVELS
        }
        return {name: _LEVELS[level] for name, level in levels.items()}

    @contextlib.contextmanager
    def _asking(self) -> Iterator[GithubIntegration]:
        """Give the app's own client to a block in which errors become ours."""
        from github import Auth, GithubIntegration, UnknownObjectException
        from jwt import PyJWTError

        from neurocaas_ci.forges.github_patience import patience

        with translated("asking for a token of the app", f"app {self._app}"):
            try:
                yield GithubIntegration(
                    auth=Auth.AppAuth(self._app, self._key),
                    base_url=self._api,
                    timeout=_TIMEOUT_SECONDS,
                    retry=patience(),
                    seconds_between_requests=0,
                    seconds_between_writes=0,
                )
            except (ValueError, TypeError, PyJWTError) as error:
                raise UsageError(
                    "the key of the app cannot be read",
                    where="NEUROCAAS_APP_KEY",
                    hint="it is the whole PEM file that GitHub gave, with its first and last line",
                ) from error
            except UnknownObjectException as error:
                raise UsageError(
                    f"the app is not installed on {self._repository}",
                    where=f"app {self._app}",
                    hint="its owner can install it there (Settings, GitHub Apps); look at the name too",
                ) from error


@lru_cache(maxsize=8)
def app_token(app: str, key: str, repository: str, api: str, needed: Rights = NEEDED) -> AppToken:
    """Return the token of an app; who asks for the same one again gets it while it lasts."""
    return AppToken(app, key, repository, api, needed)
