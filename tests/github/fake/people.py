"""Who asks: accounts, tokens, and what a token may do."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

TokenKind = Literal["user", "app", "GITHUB_TOKEN"]
_LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}
ACTIONS_APP = 15368
"""The id of the App behind GITHUB_TOKEN, on GitHub too."""
ACTIONS_BOT = 41898282
"""The numeric id of `github-actions[bot]`, on GitHub too."""


@dataclass(frozen=True, slots=True)
class User:
    """An account; the numeric id is never given to anybody else."""

    login: str
    id: int
    kind: Literal["User", "Organization", "Bot"] = "User"

    @property
    def email(self) -> str:
        """The address that GitHub signs commits of this account with."""
        return f"{self.id}+{self.login}@users.noreply.github.com"


@dataclass(slots=True)
class Token:
    """A token and its owner; `permissions` None is a classic token, which may what its owner may.

    `repositories` are the full names that it is good for; None means all. It `ends` at a time (Unix
    seconds), if it does.
    """

    value: str
    user: User
    kind: TokenKind = "user"
    permissions: Mapping[str, str] | None = None
    app_id: int | None = None
    repositories: Collection[str] | None = None
    limit: int = 5000
    used: int = field(default=0)
    ends: float | None = None

    def __str__(self) -> str:
        """Return what goes into the Authorization header."""
        return self.value

    @property
    def app(self) -> bool:
        """Tell whether an App acts."""
        return self.kind != "user"

    def may(self, permission: str, level: str) -> bool:
        """Tell whether the permission map allows something; everybody may read metadata."""
        if self.permissions is None:
            return not self.app or permission == "metadata"
        if permission == "metadata" and level == "read":
            return True
        return _LEVELS[self.permissions.get(permission, "none")] >= _LEVELS[level]
