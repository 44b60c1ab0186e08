"""The books of a registry at one commit: balances, decisions, and every line that led to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from neurocaas_ci.ledger.index import Index, is_damage
from neurocaas_ci.ledger.lock import IndexLock, index_path
from neurocaas_ci.ledger.rows import CommitRow, Entry, EntryRow
from neurocaas_ci.ledger.view import View
from neurocaas_ci.model.ledger import Account, Balance, Decision, JobMerged
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.registry.catfile import CatFile

if TYPE_CHECKING:
    from neurocaas_ci.ledger.keep import Keeper

Say = Callable[[str], None]

_MAIN = ("refs/remotes/origin/main", "refs/heads/main")
_T = TypeVar("_T")


class Books:
    """Answers about the ledger as of one commit; close it, or use it in a `with` block.

    The index behind it only makes answers fast. When it cannot be used, all is read from git.
    """

    def __init__(
        self, repo: Path, git: CatFile, say: Say | None, commit: str, path: Path | None
    ) -> None:
        self.commit = commit
        self._repo, self._git, self._say = repo, git, say
        self._path = path
        self._resources = ExitStack()
        self._lock = self._resources.enter_context(IndexLock(path))
        self._view = self._first_that_works()

    @classmethod
    def open(
        cls,
        repo: Path,
        commit: str,
        cache: Path | None,
        *,
        objects: CatFile | None = None,
        say: Say | None = None,
    ) -> Books:
        """Return the books as of a commit (a full id).

        `cache` is the folder of the index (None: keep none), `objects` a reader of the repository to
        use, and `say` hears of what takes long. Raise BackendUnavailableError when the history
        cannot be read to its beginning.
        """
        with ExitStack() as stack:
            git = objects or stack.enter_context(CatFile(repo))
            books = cls(repo, git, say, commit, cache and index_path(repo, cache))
            books._resources.push(stack.pop_all())
            return books

    def balance(self, account: Account) -> Balance:
        """Return what stands on an account."""
        return self._ask(lambda view: view.balance(account))

    def decision(self, job: str) -> Decision | None:
        """Return what was decided on a job, or None when main has no such job."""
        return self._ask(lambda view: view.decision(job))

    def reservation(self, job: str) -> JobMerged | None:
        """Return the job while money is reserved for it."""
        return self._ask(lambda view: view.reservation(job))

    def accounts(self) -> list[Account]:
        """Return all accounts that ever had a budget, sorted."""
        return self._ask(
            lambda view: sorted({a for index, upto in view.layers for a in index.accounts(upto)})
        )

    def published(self, name: str, version: str) -> str | None:
        """Return the commit that introduced a blueprint version first, or None."""

        def find(view: View) -> str | None:
            row = view.version(name, version)
            return None if row is None else view.commit(row.position).id

        return self._ask(find)

    def entries(self, account: Account) -> Iterator[Entry]:
        """Yield every line of an account, oldest first."""
        rows: list[EntryRow] = []
        while rows := self._page(account, rows[-1] if rows else None):
            for row in rows:
                commit = self._commit(row.position)
                yield Entry(
                    row.position, commit.id, commit.time, row.what, row.job,
                    Microdollars(row.reserved), Microdollars(row.charged),
                    Microdollars(row.refunded), row.balance, row.note,
                )  # fmt: skip

    def refusal(self, job: str) -> str | None:
        """Return why a job may not run, or None when it may."""
        decision = self.decision(job)
        if decision is None:
            return "refused: main has no such job"
        if decision.admitted:
            return None
        row = self._ask(lambda view: view.job(job))
        commit = self._commit(row.position).id if row is not None else self.commit
        reason = decision.reason
        for account in decision.short:
            lines = self._ask(lambda view: view.lines(account, job))  # noqa: B023 - used at once
            reason = lines[0].note if lines else reason
        return f"refused at commit {commit[:12]}: {reason}"

    def close(self) -> None:
        """Let go of the index and the repository."""
        for index, _ in self._view.layers:
            index.close()
        self._resources.close()

    def _page(self, account: Account, last: EntryRow | None) -> list[EntryRow]:
        after = (-1, -1) if last is None else (last.position, last.number)
        return self._ask(lambda view: view.page(account, after))

    def _commit(self, position: int) -> CommitRow:
        return self._ask(lambda view: view.commit(position))

    def _ask(self, question: Callable[[View], _T]) -> _T:
        try:
            return question(self._view)
        except sqlite3.Error as error:
            for index, _ in self._view.layers:
                index.close()
            self._view = self._first_that_works(error)
            return question(self._view)

    def _first_that_works(self, problem: sqlite3.Error | None = None) -> View:
        """Return a view of the kept index, of a new one in its place, or of one in memory."""
        reason = None if self._path is None else self._lock.take()
        while self._path is not None and reason is None:
            if problem is not None and (not is_damage(problem) or not self._lock.discard()):
                reason = str(problem)
                break
            try:
                return self._view_of(Index(self._path))
            except sqlite3.Error as error:
                # A new file that is damaged at once lies on a disk that cannot be relied on.
                reason = str(error) if problem is not None else None
                problem = error
        if reason is not None and self._say is not None:
            self._say(f"note: the index of the ledger is not used ({reason}): {self._path}")
        index = Index.memory()
        self._keeper().extend(index, self.commit)
        return self._view_of(index)

    def _view_of(self, index: Index) -> View:
        try:
            position = index.position(self.commit)
            main = None if position is not None else self._main()
            if main is not None:
                self._keeper().extend(index, main)
                position = index.position(self.commit)
            if position is not None:
                return View(((index, position),))
            return self._keeper().aside(index, self.commit)
        except BaseException:
            index.close()
            raise

    def _keeper(self) -> Keeper:
        # Nearly always the index holds the commit, and nothing has to be read from git.
        from neurocaas_ci.ledger.keep import Keeper

        return Keeper(self._repo, self._git, self._say)

    def _main(self) -> str | None:
        found = (self._git.commit(ref) for ref in _MAIN)
        return next((commit for commit in found if commit is not None), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
