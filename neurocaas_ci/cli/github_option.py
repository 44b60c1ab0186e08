"""Open GitHub for a clone: whose repository it is, and with which token."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurocaas_ci.forges.github import GitHub

_ORIGIN = re.compile(
    r"(?:https?://(?:[^/@]*@)?|ssh://git@|git@)github\.com[:/]([^/]+/[^/]+?)(?:\.git)?/?"
)


def open_github(repo: Path) -> GitHub:
    """Return GitHub as the variables of Actions or the origin of the clone name it."""
    from neurocaas_ci.forges.github import GitHub
    from neurocaas_ci.forges.github_client import address_from

    named = os.environ.get("GITHUB_REPOSITORY") or repository_of(repo)
    return GitHub(address_from(os.environ, named))


def lend_credentials(repo: Path) -> None:
    """Let the git commands of this process reach a repository on GitHub with its token, if there is one."""
    if not is_on_github(repo):
        return
    from neurocaas_ci.errors import UsageError
    from neurocaas_ci.forges.credentials import git_credentials
    from neurocaas_ci.forges.github_client import address_from

    try:
        address = address_from(
            os.environ, os.environ.get("GITHUB_REPOSITORY") or repository_of(repo)
        )
    except UsageError:
        # A public repository is read without one, and people have credentials of their own.
        return
    os.environ.update(git_credentials(address.token, os.environ, address.server))


def repository_of(repo: Path) -> str | None:
    """Return `owner/name` when the origin of a clone lies on github.com, or None."""
    match = _ORIGIN.fullmatch(_url(repo))
    return match[1] if match else None


def _url(repo: Path) -> str:
    done = subprocess.run(
        ["git", "-C", str(repo), "remote", "get-url", "origin"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return done.stdout.strip()


def is_on_github(repo: Path) -> bool:
    """Tell whether the origin of a clone lies on GitHub, or on the server that GITHUB_API_URL means.

    In a workflow, and for an enterprise server, GITHUB_SERVER_URL is where repositories are.
    """
    server = os.environ.get("GITHUB_SERVER_URL")
    return repository_of(repo) is not None or (server is not None and _url(repo).startswith(server))
