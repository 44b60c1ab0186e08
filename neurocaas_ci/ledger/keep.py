"""Keep an index up with a branch: extend it, take back what the branch lost, or build it anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.ledger.events import Reader
from neurocaas_ci.ledger.fold import Fold
from neurocaas_ci.ledger.history import Commit, first_parents, walk
from neurocaas_ci.ledger.index import Index, MovedError
from neurocaas_ci.ledger.rows import CommitRow
from neurocaas_ci.ledger.view import View
from neurocaas_ci.model.ledger import Account
from neurocaas_ci.registry.catfile import CatFile

Say = Callable[[str], None]

_BATCH = 500
_TRIES = 100
_QUIET_SECONDS = 2.0
_EVERYTHING = 1 << 62


@dataclass
class Keeper:
    """Reads the history of one repository into indexes; `say` hears of it when it takes long."""

    repo: Path
    git: CatFile
    say: Say | None = None

    def extend(self, index: Index, commit: str) -> None:
        """Make the first-parent history of a commit what the index holds.

        Commits that are no part of it are forgotten. Other processes may do the same at once. Raise
        BackendUnavailableError when the history cannot be read.
        """
        for _ in range(_TRIES):
            tip = index.tip()
            if index.position(commit) is not None:
                return
            base, commits = self._after(index, tip, commit)
            try:
                self._fill(index, View(((index, _EVERYTHING),)), commits, tip, base)
            except MovedError:
                continue
            else:
                return
            finally:
                commits.close()
        raise BackendUnavailableError(
            "other processes keep changing the index of the ledger",
            hint="run the same command again when they have ended",
        )

    def aside(self, index: Index, commit: str) -> View:
        """Return the books of a commit that main does not have; nothing of it is kept."""
        base = self._fork(index, commit)
        since = None if base is None else base.id
        top = Index.memory()
        below = () if base is None else ((index, base.position),)
        layers = ((top, _EVERYTHING), *below)
        commits = walk(self.repo, commit, since)
        try:
            self._fill(top, View(layers), commits, None, base)
        finally:
            commits.close()
        return View(layers)

    def _after(
        self, index: Index, tip: CommitRow | None, commit: str
    ) -> tuple[CommitRow | None, Generator[Commit]]:
        """Return the last commit that the index shares with the history, and all that follow it."""
        if tip is not None:
            # Nearly always the index is just a little behind: then one git process is enough.
            commits = walk(self.repo, commit, tip.id)
            try:
                first = next(commits, None)
            except BackendUnavailableError:
                first = None
            if first is not None and first.parent == tip.id:
                return tip, _joined(first, commits)
            commits.close()
            tip = self._fork(index, commit)
        return tip, walk(self.repo, commit, None if tip is None else tip.id)

    def _fork(self, index: Index, commit: str) -> CommitRow | None:
        parents = first_parents(self.repo, commit)
        try:
            positions = (index.position(older) for older in parents)
            found = next((position for position in positions if position is not None), None)
        finally:
            parents.close()
        return None if found is None else index.commit(found)

    def _fill(
        self,
        top: Index,
        view: View,
        commits: Generator[Commit],
        tip: CommitRow | None,
        base: CommitRow | None,
    ) -> None:
        """Write commits that follow `base` in batches, each one whole; `tip` is the index's now."""

        def published(name: str, version: str) -> str | None:
            row = view.version(name, version)
            return None if row is None else row.blob

        def bounded(account: Account) -> bool:
            return fold.bounded(account)

        fold = Fold(view, top)
        reader = Reader(self.repo, self.git, base and base.id, published, bounded)
        position = -1 if base is None else base.position
        progress = _Progress(self.say)
        while batch := list(islice(commits, _BATCH)):
            if position < 0:
                self._check_complete(batch[0])
            with top.writing(tip):
                if tip is not None and base is not None and base.position < tip.position:
                    top.forget_after(base.position)
                elif tip is not None and base is None:
                    top.forget_after(-1)
                # What a fold has looked up is not kept for the whole of a long history.
                fold = Fold(view, top)
                self.git.ahead(reader.wanted(batch))
                for commit in batch:
                    position += 1
                    base = tip = CommitRow(position, commit.id, commit.time)
                    fold.commit(tip, reader.read(commit))
                    progress(position, commit.time)

    def _check_complete(self, first: Commit) -> None:
        """Raise BackendUnavailableError when the history was cut off before its first commit."""
        found = self.git.object(first.id)
        header = b"" if found is None else found[1].partition(b"\n\n")[0]
        if b"\nparent " in header:
            raise BackendUnavailableError(
                "this clone lacks the beginning of the history, so nobody can tell what was spent",
                where=str(self.repo),
                hint="git fetch --unshallow",
            )


def _joined(first: Commit, rest: Generator[Commit]) -> Generator[Commit]:
    try:
        yield from chain((first,), rest)
    finally:
        rest.close()


class _Progress:
    """Says every two seconds how far a long reading is."""

    def __init__(self, say: Say | None) -> None:
        self._say = say
        self._next = time.monotonic() + _QUIET_SECONDS

    def __call__(self, position: int, commit_time: int) -> None:
        if self._say is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _QUIET_SECONDS
        day = time.strftime("%Y-%m-%d", time.gmtime(commit_time))
        self._say(f"  reading the ledger: {position + 1:,} commits, up to {day}")
