"""How often GitHub is asked again, how long its limits are waited for, and by which token; loading is slow."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from github import Auth, GithubException
from github.GithubException import RateLimitExceededException
from github.GithubRetry import GithubRetry

if TYPE_CHECKING:
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import HTTPResponse
    from urllib3.util import Retry

_TRIES = 6
# A limit that ends later than this is not waited for: the next run of the workflow goes on.
_LONGEST_WAIT = 120
_BUSY, _SERVER_ERROR = 429, 500


class Patience(GithubRetry):
    """PyGithub's waiting, which has a bound for all limits but those that come as Retry-After."""

    def increment(  # type: ignore[override]
        self,
        method: str | None = None,
        url: str | None = None,
        response: HTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Retry:
        """Return what is left of the patience after a request that failed."""
        wait = None if response is None else self.get_retry_after(response)
        if response is not None and wait is not None and wait > _LONGEST_WAIT:
            words = {"message": f"it asks to wait for {wait:.0f} seconds"}
            kind = GithubException
            if response.status < _SERVER_ERROR:
                kind = RateLimitExceededException
            raise kind(response.status, words, dict(response.headers))
        return super().increment(method, url, response, error, _pool, _stacktrace)


class FreshToken(Auth.Token):
    """A token that is asked for at every request, for it may have been renewed meanwhile."""

    def __init__(self, fresh: Callable[[], str]) -> None:
        super().__init__(fresh())
        self._fresh = fresh

    @property
    def token(self) -> str:
        """Return the token for the next request."""
        return self._fresh()


def patience() -> Patience:
    """Return what a client is to be given as `retry`."""
    given: dict[str, Any] = {
        "total": _TRIES,
        "backoff_factor": 0.5,
        "status_forcelist": [_BUSY, *range(_SERVER_ERROR, 600)],
        "max_rate_limit_wait": _LONGEST_WAIT,
        # Whatever is asked for twice by accident is found and taken back by the next run.
        "allowed_methods": frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"}),
        "respect_retry_after_header": True,
    }
    return Patience(**given)
