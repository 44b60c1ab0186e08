"""Pull requests in a bare git repository on this machine: the forge that needs no server.

`refs/pull/<n>/meta` points to a blob with the facts, `refs/pull/<n>/head` keeps the proposed
commit. Whether a pull request is merged is not stored: it is when main contains its head.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.forges.interface import Candidate, Pull, PullState
from neurocaas_ci.registry.git import git_environment

MAIN = "refs/heads/main"
_ZERO = "0" * 40
# Nothing that a repository or a user has configured may run or sign.
_QUIET = (
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "commit.gpgSign=false",
    "-c", f"core.attributesFile={os.devnull}",
    "-c", "core.fsmonitor=false",
)  # fmt: skip
_MERGER = "neurocaas"


class LocalGitForge:
    """The forge in a bare repository; safe for several processes at once."""

    def __init__(self, origin: Path) -> None:
        self.origin = origin
        if self._git("rev-parse", "--git-dir", check=False).returncode:
            raise UsageError(
                "the origin is not a git repository on this machine",
                where=str(origin),
                hint="make one with `git init --bare -b main`, and push the registry to it",
            )

    def open(self, branch: str, title: str, author: str) -> Pull:
        """Open a pull request for a pushed branch, or update the open one of that branch."""
        head = self._resolve(f"refs/heads/{branch}")
        if head is None:
            raise UsageError(f"the branch {branch} is not on the origin", hint="push it first")
        for pull in self.pulls():
            if pull.branch == branch and pull.state == "open":
                self._git("update-ref", f"refs/pull/{pull.number}/head", head)
                return self._pull(pull.number)
        if self._contains(head):
            raise UsageError(
                f"main already contains the branch {branch}",
                hint="commit something to it first",
            )
        facts = {
            "title": " ".join(title.split())[:200],
            "author": author,
            "branch": branch,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        meta = self._blob(facts)
        number = max((pull.number for pull in self.pulls()), default=0) + 1
        while not self._create(f"refs/pull/{number}/meta", meta):
            number += 1
        self._git("update-ref", f"refs/pull/{number}/head", head)
        return self._pull(number)

    def pulls(self) -> list[Pull]:
        """Return all pull requests, oldest first."""
        names = self._git("for-each-ref", "--format=%(refname)", "refs/pull").stdout.split()
        numbers = [name.split("/")[2] for name in names if name.endswith("/meta")]
        return [self._pull(number) for number in sorted(map(int, numbers))]

    def prepare(self, number: int) -> Candidate:
        """Make the merge of a pull request with main as it is now, without publishing it.

        Raise UsageError when it is not open or does not merge cleanly.
        """
        pull = self._pull(number)
        if pull.state != "open":
            raise UsageError(f"pull request #{number} is {pull.state}")
        base = self._resolve(MAIN)
        if base is None:
            raise UsageError("the origin has no branch main", where=str(self.origin))
        merged = self._git(
            "merge-tree", "--write-tree", "--name-only", base, pull.head, check=False
        )
        lines = merged.stdout.split("\n")
        if merged.returncode == 1:
            files = [line for line in lines[1 : lines.index("", 1)] if line]
            raise UsageError(
                f"pull request #{number} conflicts with main in {', '.join(files[:10])}",
                hint="merge origin/main into the branch, settle it there, and `pr open` again",
            )
        if merged.returncode:
            raise BackendUnavailableError(f"git could not merge: {merged.stderr.strip()}")
        message = f"Merge pull request #{number}: {pull.title}"
        commit = self._git(
            "commit-tree", lines[0], "-p", base, "-p", pull.head, "-m", message
        ).stdout.strip()
        return Candidate(pull, base, commit)

    def merge(self, candidate: Candidate) -> bool:
        """Publish a candidate; return False when main or the branch has moved since."""
        number, head = candidate.pull.number, candidate.pull.head
        transaction = (
            f"start\nverify refs/heads/{candidate.pull.branch} {head}\n"
            f"update {MAIN} {candidate.commit} {candidate.base}\n"
            f"update refs/pull/{number}/head {head}\nprepare\ncommit\n"
        )
        done = self._git("update-ref", "--stdin", check=False, given=transaction)
        if done.returncode == 0:
            return True
        moved = (
            self._resolve(MAIN) != candidate.base
            or self._resolve(f"refs/heads/{candidate.pull.branch}") != head
        )
        if moved or "Unable to create" in done.stderr:
            return False
        raise BackendUnavailableError(f"git could not update main: {done.stderr.strip()}")

    def close(self, number: int) -> Pull:
        """Close a pull request without merging it."""
        pull = self._pull(number)
        if pull.state != "open":
            raise UsageError(f"pull request #{number} is {pull.state} already")
        facts = {**self._facts(number), "closed": True}
        self._git("update-ref", f"refs/pull/{number}/meta", self._blob(facts))
        return self._pull(number)

    def _pull(self, number: int) -> Pull:
        facts = self._facts(number)
        kept = self._resolve(f"refs/pull/{number}/head")
        current = self._resolve(f"refs/heads/{facts['branch']}")
        state: PullState = "open"
        if kept is not None and self._contains(kept):
            state = "merged"
        elif facts.get("closed"):
            state = "closed"
        head = current if state == "open" and current is not None else kept
        return Pull(
            number, facts["title"], facts["author"], facts["branch"], head or _ZERO, state,
            facts["created"],
        )  # fmt: skip

    def _facts(self, number: int) -> dict[str, Any]:
        blob = self._git("cat-file", "blob", f"refs/pull/{number}/meta", check=False)
        if blob.returncode:
            raise UsageError(f"there is no pull request #{number}", hint="`neurocaas pr list`")
        facts: dict[str, Any] = json.loads(blob.stdout)
        return facts

    def _contains(self, commit: str) -> bool:
        done = self._git("merge-base", "--is-ancestor", commit, MAIN, check=False)
        return done.returncode == 0

    def _resolve(self, ref: str) -> str | None:
        done = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", check=False)
        return done.stdout.strip() or None

    def _create(self, ref: str, value: str) -> bool:
        return self._git("update-ref", ref, value, _ZERO, check=False).returncode == 0

    def _blob(self, facts: dict[str, Any]) -> str:
        text = json.dumps(facts, sort_keys=True)
        return self._git("hash-object", "-w", "--stdin", given=text).stdout.strip()

    def _git(
        self, *arguments: str, check: bool = True, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", *_QUIET, "-C", str(self.origin), *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
        if check and done.returncode:
            raise BackendUnavailableError(
                f"git {arguments[0]} failed: {done.stderr.strip()}", where=str(self.origin)
            )
        return done


def _environment() -> dict[str, str]:
    """Return an environment in which merges have an author, whatever the user configured."""
    environment = {k: v for k, v in git_environment().items() if k not in _REPOSITORY_VARIABLES}
    for role in ("AUTHOR", "COMMITTER"):
        environment.setdefault(f"GIT_{role}_NAME", _MERGER)
        environment.setdefault(f"GIT_{role}_EMAIL", f"{_MERGER}@localhost")
    return environment


_REPOSITORY_VARIABLES: Sequence[str] = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
)  # fmt: skip
