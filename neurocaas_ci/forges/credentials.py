"""Lend a token to git for one server, by its environment: it is written nowhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping

SERVER = "https://github.com"


def git_credentials(
    token: str, environment: Mapping[str, str], server: str = SERVER
) -> dict[str, str]:
    """Return the variables that add a header to git's requests to a server (git-config, GIT_CONFIG_COUNT).

    What `environment` configures in the same way stays.
    """
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    key = f"http.{server.rstrip('/')}/.extraHeader"
    text = environment.get("GIT_CONFIG_COUNT", "")
    count = int(text) if text.isdecimal() else 0
    for number in range(count):
        if environment.get(f"GIT_CONFIG_KEY_{number}") == key:
            return {f"GIT_CONFIG_VALUE_{number}": f"Authorization: Basic {basic}"}
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": key,
        f"GIT_CONFIG_VALUE_{count}": f"Authorization: Basic {basic}",
    }
