"""Open GitHub for a clone: whose repository it is, and with which token."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.rights import NEEDED, PUSH, Rights
from neurocaas_ci.patterns import late

if TYPE_CHECKING:
    from neurocaas_ci.forges.github import GitHub
    from neurocaas_ci.forges.github_client import Address

_HTTP = late(r"(https?://)(?:[^/@]*@)?([^/@]+)/([^/]+/[^/]+?)(?:\.git)?/?")
_SSH = late(r"(?:ssh://git@|git@)github\.com[:/]([^/]+/[^/]+?)(?:\.git)?/?")
_PUBLIC = "https://github.com"
# The variables that `address_from` takes a token from; without one of them git is not asked.
_TOKENS = frozenset({"GITHUB_TOKEN", "GH_TOKEN", "NEUROCAAS_APP_ID"})


def open_github(repo: Path) -> GitHub:
    """Return GitHub as the variables of Actions or the origin of the clone name it."""
    from neurocaas_ci.forges.github import GitHub

    return GitHub(_address(repo))


def lend_credentials(repo: Path) -> None:
    """Let the git commands of this process reach a repository on GitHub with its token, if there is one.

    Called again, it lends a new one where the first has nearly ended.
    """
    if not (_TOKENS & os.environ.keys() and is_on_github(repo)):
        return
    from neurocaas_ci.forges.credentials import git_credentials

    try:
        address = _address(repo, PUSH)
    except (UsageError, BackendUnavailableError):
        # A public repository is read without one, and people have credentials of their own.
        return
    os.environ.update(git_credentials(address.token, os.environ, address.server))


def is_on_github(repo: Path) -> bool:
    """Tell whether the origin of a clone lies on GitHub: the public one, or that of this workflow."""
    return _place(repo) is not None


def repository_of(repo: Path) -> str | None:
    """Return `owner/name` when the origin of a clone lies on GitHub, or None."""
    place = _place(repo)
    return None if place is None else place[1]


def _address(repo: Path, needed: Rights = NEEDED) -> Address:
    from neurocaas_ci.forges.github_client import address_from

    place = _place(repo)
    named = os.environ.get("GITHUB_REPOSITORY") or (place[1] if place else None)
    address = address_from(os.environ, named, needed)
    if place is None:
        return address
    from dataclasses import replace

    return replace(address, server=place[0])


def _place(repo: Path) -> tuple[str, str] | None:
    """Return the server and `owner/name` of a clone's origin when that is a GitHub."""
    done = subprocess.run(
        ["git", "-C", str(repo), "remote", "get-url", "origin"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    url = done.stdout.strip()
    if match := _SSH.fullmatch(url):
        return _PUBLIC, match[1]
    match = _HTTP.fullmatch(url)
    if match is None:
        return None
    server, name = match[1] + match[2], match[3]
    # An enterprise server has an address of its own, which a workflow on it names. Who has merely a
    # repository of the same name is not given a token.
    known = server in {_PUBLIC, os.environ.get("GITHUB_SERVER_URL", "").rstrip("/")}
    return (server, name) if known else None
