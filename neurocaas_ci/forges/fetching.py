"""Fetch a pull request as objects, without a checkout, and merge it in memory."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.credentials import git_credentials
from neurocaas_ci.forges.github_client import Address
from neurocaas_ci.forges.merge_tree import merge_in_memory
from neurocaas_ci.forges.plumbing import Plumbing
from neurocaas_ci.registry.changes import merge_base
from neurocaas_ci.registry.plumbing import git_environment

_SECONDS = 600
_MAIN, _HEAD = "refs/neurocaas/main", "refs/neurocaas/pull"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A pull request in a local repository: its head, and main at the same moment."""

    repo: Path
    number: int
    main: str
    head: str

    def merged(self, message: str = "Merge") -> str:
        """Return the commit that main would become; raise UsageError when they conflict."""
        return merge_in_memory(Plumbing(self.repo), self.main, self.head, self.number, message)

    def left_main(self) -> str:
        """Return the commit where the pull request left main; raise UsageError when there is none."""
        found = merge_base(self.repo, self.main, self.head)
        if found is None:
            raise UsageError("it shares no history with main", hint="start the branch from main")
        return found


def fetch(repo: Path, address: Address, number: int, url: str | None = None) -> Fetched:
    """Fetch main and the head of a pull request from the origin of a clone, nothing else.

    The token reaches git through its environment and is written nowhere. Raise
    BackendUnavailableError when the origin does not answer.
    """
    git = Plumbing(repo)
    specs = (f"+refs/heads/main:{_MAIN}", f"+refs/pull/{number}/head:{_HEAD}/{number}")
    done = subprocess.run(
        [
            "git", "-C", str(repo), "-c", "fetch.fsckObjects=true", "-c", "credential.helper=",
            "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-gc",
            url or "origin", *specs,
        ],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env={**git_environment(), **git_credentials(address.fresh(), os.environ, address.server)},
        stdin=subprocess.DEVNULL,
        timeout=_SECONDS,
    )  # fmt: skip
    if done.returncode:
        reason = done.stderr.strip().split("\n")[-1]
        raise BackendUnavailableError(
            f"the pull request cannot be fetched: {reason}",
            where=f"{address.repository}#{number}",
            hint="look whether it still exists; then try again",
        )
    main, head = git.commit(_MAIN), git.commit(f"{_HEAD}/{number}")
    if main is None or head is None:
        raise BackendUnavailableError(
            "what was fetched is gone", where=f"{address.repository}#{number}", hint="try again"
        )
    return Fetched(repo, number, main, head)
