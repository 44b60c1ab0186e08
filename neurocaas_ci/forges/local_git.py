"""Pull requests in a bare git repository on this machine: the forge that needs no server.

`refs/pull/<n>/meta` points to a blob with the facts, `refs/pull/<n>/head` keeps the proposed
commit. Whether a pull request is merged is not stored: it is when main contains its head.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.interface import Candidate, Pull, PullState
from neurocaas_ci.forges.merge_tree import merge_in_memory
from neurocaas_ci.forges.plumbing import Plumbing
from neurocaas_ci.forges.titles import plain, plain_title
from neurocaas_ci.registry.catfile import CatFile

MAIN = "refs/heads/main"
_ZERO = "0" * 40
_MAX_FACTS = 1 << 16


@dataclass(frozen=True, slots=True)
class _Refs:
    """All refs of the forge at one moment, and which of them main contains."""

    objects: dict[str, str]
    merged: frozenset[str]


class LocalGitForge:
    """The forge in a bare repository; safe for several processes at once."""

    def __init__(self, origin: Path) -> None:
        self.origin = origin
        self._git = Plumbing(origin)

    def open(self, branch: str, title: str, author: str) -> Pull:
        """Open a pull request for a pushed branch, or update the open one of that branch.

        Raise UsageError when the branch is not there or brings nothing that main has not.
        """
        name = f"refs/heads/{branch}"
        valid = self._git.run("check-ref-format", name, check=False).returncode == 0
        head = self._git.commit(name) if valid else None
        if head is None:
            raise UsageError(f"the branch {branch!r} is not on the origin", hint="push it first")
        self._main()
        with self._git.exclusive():
            pulls = self.pulls()
            for pull in pulls:
                if pull.branch == branch and pull.state == "open":
                    self._git.run("update-ref", f"refs/pull/{pull.number}/head", head)
                    return self._pull(pull.number)
            if (
                self._git.run("merge-base", "--is-ancestor", head, MAIN, check=False).returncode
                == 0
            ):
                raise UsageError(
                    f"main already contains the branch {branch}",
                    hint="commit something to it first",
                )
            number = self._next_number()
            facts = {
                "title": plain_title(title, branch),
                "author": plain(author) or "unknown",
                "branch": branch,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            meta = self._git.blob(json.dumps(facts, sort_keys=True))
            done = self._git.transaction(
                f"create refs/pull/{number}/head {head}", f"create refs/pull/{number}/meta {meta}"
            )
        if done.returncode:
            raise self._git.error("opening the pull request", done.stderr)
        return self._pull(number)

    def pulls(self) -> list[Pull]:
        """Return all pull requests, oldest first."""
        refs = self._refs()
        numbers = {
            int(parts[2])
            for parts in (name.split("/") for name in refs.objects)
            if parts[1] == "pull" and parts[3:] == ["meta"] and parts[2].isdecimal()
        }
        with CatFile(self.origin) as objects:
            found = [self._view(number, refs, objects) for number in sorted(numbers)]
        return [pull for pull in found if pull is not None]

    def prepare(self, number: int) -> Candidate:
        """Make the merge of a pull request with main as it is now, without publishing it.

        Raise UsageError when it is not open or does not merge cleanly.
        """
        pull = self._pull(number)
        if pull.state != "open":
            raise UsageError(f"pull request #{number} is {pull.state}")
        if self._git.commit(f"refs/heads/{pull.branch}") is None:
            raise UsageError(
                f"the branch {pull.branch} of pull request #{number} is no longer on the origin",
                hint=f"push it again, or `neurocaas pr close {number}`",
            )
        base = self._main()
        message = f"Merge pull request #{number}: {pull.title}"
        commit = merge_in_memory(self._git, base, pull.head, number, message)
        return Candidate(pull, base, commit)

    def merge(self, candidate: Candidate) -> bool:
        """Publish a candidate; return False when main or the pull request has moved since."""
        number, head = candidate.pull.number, candidate.pull.head
        branch, meta = f"refs/heads/{candidate.pull.branch}", f"refs/pull/{number}/meta"
        refs = self._refs()
        if self._pull(number).state != "open":
            return False
        # First what is merged, then main: killed in between, the pull request is still open.
        if refs.objects.get(f"refs/pull/{number}/head") != head:
            self._git.run("update-ref", f"refs/pull/{number}/head", head)
        done = self._git.transaction(
            f"verify {branch} {head}",
            f"verify {meta} {refs.objects[meta]}",
            f"update {MAIN} {candidate.commit} {candidate.base}",
        )
        if done.returncode == 0:
            return True
        now = self._refs().objects
        before = {MAIN: candidate.base, branch: head, meta: refs.objects[meta]}
        if any(now.get(name) != value for name, value in before.items()):
            return False
        raise self._git.error("publishing the merge", done.stderr)

    def close(self, number: int) -> Pull:
        """Close a pull request without merging it."""
        with self._git.exclusive():
            while True:
                main = self._git.commit(MAIN)
                pull = self._pull(number)
                if pull.state != "open":
                    raise UsageError(f"pull request #{number} is {pull.state} already")
                meta = self._git.blob(json.dumps({**_facts(pull), "closed": True}, sort_keys=True))
                # While main stands still it cannot be merged.
                done = self._git.transaction(
                    f"verify {MAIN} {main or _ZERO}", f"update refs/pull/{number}/meta {meta}"
                )
                if done.returncode == 0:
                    return self._pull(number)
                if self._git.commit(MAIN) == main:
                    raise self._git.error("closing the pull request", done.stderr)

    def _main(self) -> str:
        main = self._git.commit(MAIN)
        if main is None:
            raise UsageError(
                "the origin has no branch main",
                where=str(self.origin),
                hint="push the registry there first: git push origin main",
            )
        return main

    def _refs(self) -> _Refs:
        # Merged first: what is merged while this looks is then shown as open, with its old main.
        given = ("refs/pull", "refs/heads")
        merged = self._git.run(
            "for-each-ref", "--format=%(refname)", f"--merged={MAIN}", *given, check=False
        )
        rows = self._git.run("for-each-ref", "--format=%(objectname) %(refname)", *given).stdout
        names = (row.partition(" ") for row in rows.splitlines())
        objects = {name: value for value, _, name in names}
        contained = merged.stdout.split() if merged.returncode == 0 else []
        return _Refs(objects, frozenset(contained))

    def _next_number(self) -> int:
        """Return a number above all that were ever taken, damaged ones included."""
        names = (name.split("/") for name in self._refs().objects)
        taken = [int(n[2]) for n in names if n[1] == "pull" and n[2].isdecimal()]
        return max(taken, default=0) + 1

    def _pull(self, number: int) -> Pull:
        with CatFile(self.origin) as objects:
            pull = self._view(number, self._refs(), objects)
        if pull is None:
            raise UsageError(
                f"there is no pull request #{number}", hint="`neurocaas pr list` lists them"
            )
        return pull

    @staticmethod
    def _view(number: int, refs: _Refs, objects: CatFile) -> Pull | None:
        """Return one pull request; None for refs that somebody else made."""
        meta, kept = (refs.objects.get(f"refs/pull/{number}/{part}") for part in ("meta", "head"))
        found = None if meta is None else objects.object(meta, _MAX_FACTS)
        facts = None if found is None or found[0] != "blob" else _read_facts(found[1])
        if facts is None or kept is None:
            return None
        state: PullState = "open"
        if facts.get("closed"):
            state = "closed"
        elif f"refs/pull/{number}/head" in refs.merged:
            state = "merged"
        current = refs.objects.get(f"refs/heads/{facts['branch']}")
        head = current if state == "open" and current is not None else kept
        return Pull(
            number, facts["title"], facts["author"], facts["branch"], head, state, facts["created"]
        )


def _read_facts(data: bytes) -> dict[str, Any] | None:
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict):
        return None
    texts = [facts.get(key) for key in ("title", "author", "branch", "created")]
    # Whoever may push may also push such a blob; it is shown on terminals.
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        return None
    return facts


def _facts(pull: Pull) -> dict[str, Any]:
    return {key: getattr(pull, key) for key in ("title", "author", "branch", "created")}
