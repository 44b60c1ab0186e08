"""Which registry a repository is: the address others know it by, or its first commit."""

from __future__ import annotations

import re
from pathlib import Path

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.plumbing import run_git

_URN = "urn:neurocaas:registry:"
_ADDRESS = re.compile(r"(?:https?|ssh|git)://(?:[^@/]*@)?([^/:]+)(?::\d+)?/(.+)")
_SCP = re.compile(r"(?:[^@/:]+@)?([^/:]+\.[^/:]+):(?!//)(.+)")


def repository_uri(repo: Path, head: str) -> str:
    """Return a URI that names the registry, whoever cloned it and wherever to.

    An origin on the network is named by its https address, without credentials. Any other registry
    is named by the first commit of its history, which all clones share; `head` is a commit of it.
    """
    return origin_uri(repo) or registry_urn(_first_commit(repo, head))


def origin_uri(repo: Path) -> str | None:
    """Return the https address of a clone's origin, or None when that is no address for others."""
    remote = run_git(repo, ["config", "--get", "remote.origin.url"])
    return normalised(remote.stdout.decode("utf-8", "replace").strip())


def registry_urn(first_commit: str) -> str:
    """Return the name of a registry that has no address, by the first commit of its history."""
    return f"{_URN}{first_commit}"


def normalised(address: str) -> str | None:
    """Return the https form of a remote's address, or None when it is a path on some machine."""
    match = _ADDRESS.fullmatch(address) or _SCP.fullmatch(address)
    if match is None:
        return None
    host, path = match.groups()
    return f"https://{host.lower()}/{path.strip('/').removesuffix('.git')}"


def _first_commit(repo: Path, head: str) -> str:
    roots = run_git(repo, ["rev-list", "--first-parent", "--max-parents=0", head])
    commits = roots.stdout.decode().split()
    if roots.returncode or not commits:
        raise UsageError(
            "the history of the registry cannot be read to its beginning",
            where=str(repo),
            hint="a shallow clone lacks it: git fetch --unshallow",
        )
    return commits[-1]
