"""Apps: a private key proves which one asks, and gives it tokens for where it is installed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .people import Token, User

if TYPE_CHECKING:
    from .hub import FakeGitHub

# GitHub takes no token of an App that lives longer ("Generating a JSON Web Token for a GitHub App").
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class App:
    """An App that is installed on every repository, with these permissions.

    `asked` are those that it asks for, where nobody has agreed to all of them yet; None is the same.
    """

    id: int
    slug: str
    key: Any
    permissions: Mapping[str, str]
    asked: Mapping[str, str] | None = None
    selection: str = "selected"
    installed: bool = True

    @property
    def private_key(self) -> str:
        """The PEM text that GitHub gives to the owner of the App."""
        form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(*form, serialization.NoEncryption()).decode()


def register(github: FakeGitHub, slug: str, permissions: Mapping[str, str]) -> App:
    """Make an App and the account that it writes as."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    app = App(github.new_id(), slug, key, dict(permissions))
    github.apps[app.id] = github.user(f"{slug}[bot]")
    github.keys[app.id] = app
    return app


def identify(github: FakeGitHub, secret: str) -> Token | None:
    """Return a token for what a JSON Web Token says, when an App has signed it."""
    if secret.count(".") != 2:
        return None
    for app in github.keys.values():
        try:
            said = jwt.decode(
                secret, app.key.public_key(), algorithms=["RS256"], issuer=str(app.id),
                options={"require": ["iat", "exp", "iss"]},
            )  # fmt: skip
        except jwt.InvalidTokenError:
            continue
        if said["exp"] <= time.time() + _LONGEST:
            user: User = github.apps[app.id]
            return Token(secret, user, "app", {}, app.id)
    return None


def proof(app: App) -> str:
    """Return a JSON Web Token with which an App says who it is, good for a minute."""
    now = int(time.time())
    return jwt.encode({"iat": now - 5, "exp": now + 60, "iss": str(app.id)}, app.key, "RS256")
