"""Books as of one commit, put together from the layers that hold their rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from neurocaas_ci.ledger.index import Index
from neurocaas_ci.ledger.rows import CommitRow, EndRow, EntryRow, JobRow, VersionRow, read_accounts
from neurocaas_ci.model.ledger import Account, Balance, Decision, JobMerged, opening
from neurocaas_ci.model.money import Microdollars

_Row = TypeVar("_Row")


class View(NamedTuple):
    """Books as of one commit: the newest rows lie in the first layer, each read up to a position."""

    layers: tuple[tuple[Index, int], ...]

    def last(self, account: Account) -> EntryRow | None:
        """Return the last line of an account."""
        return self._sure(index.last(account, upto) for index, upto in self.layers)

    def balance(self, account: Account) -> Balance:
        """Return what stands on an account."""
        row = self.last(account)
        return opening(account) if row is None else row.balance

    def job(self, job: str) -> JobRow | None:
        """Return a merged job."""
        return _first(index.job(job, upto) for index, upto in self.layers)

    def end(self, job: str) -> EndRow | None:
        """Return what ended a job."""
        return _first(index.end(job, upto) for index, upto in self.layers)

    def version(self, name: str, version: str) -> VersionRow | None:
        """Return what introduced a blueprint version; the earliest introduction counts."""
        return self._sure(
            index.version(name, version, upto) for index, upto in reversed(self.layers)
        )

    def decision(self, job: str) -> Decision | None:
        """Return what was decided on a merged job."""
        row = self._sure(iter((self.job(job),)))
        if row is None:
            return None
        merged = JobMerged(job, read_accounts(row.accounts), Microdollars(row.maximum))
        return Decision(merged, read_accounts(row.short), row.reason)

    def reservation(self, job: str) -> JobMerged | None:
        """Return the job while money is reserved for it."""
        decision = self.decision(job)
        if decision is None or not decision.admitted or self.end(job) is not None:
            return None
        return decision.job

    def commit(self, position: int) -> CommitRow:
        """Return the commit at a position that a row names."""
        row = _first(index.commit(position) for index, upto in self.layers if position <= upto)
        if row is None:
            raise sqlite3.DatabaseError("a row names a commit that is not there")
        return row

    def page(self, account: Account, after: tuple[int, int]) -> list[EntryRow]:
        """Return lines of an account that follow the line `after` (position, number), oldest first.

        There are none only when none follow.
        """
        pages = (index.page(account, after, upto) for index, upto in reversed(self.layers))
        return next((rows for rows in pages if rows), [])

    def lines(self, account: Account, job: str) -> list[EntryRow]:
        """Return the lines of an account that the merge of a job wrote."""
        merged = self.job(job)
        if merged is None:
            return []
        rows = self.page(account, (merged.position, -1))
        return [row for row in rows if row.job == job and row.position == merged.position]

    def _sure(self, rows: Iterator[_Row | None]) -> _Row | None:
        """Return the first row there is; believe that there is none only of undamaged files."""
        row = _first(rows)
        if row is None:
            for index, _ in self.layers:
                index.ensure_sound()
        return row


def _first(rows: Iterator[_Row | None]) -> _Row | None:
    return next((row for row in rows if row is not None), None)
