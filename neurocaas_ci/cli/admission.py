"""Whether the ledger admits a job; the ledger is opened when a job asks, not before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.cli.common import ledger_cache, say
from neurocaas_ci.registry.git import GitTree

if TYPE_CHECKING:
    from neurocaas_ci.ledger.books import Books


@dataclass
class Admission:
    """Answers for the jobs of one tree of main."""

    repo: Path
    head: GitTree
    _books: Books | None = field(default=None, init=False)

    def __call__(self, job: str) -> str | None:
        """Return why a job may not run, or None; raise what opening the ledger raises."""
        if self._books is None:
            from neurocaas_ci.ledger.books import Books

            self._books = Books.open(
                self.repo, self.head.commit, ledger_cache(), objects=self.head.objects, say=say
            )
        reason = self._books.refusal(job)
        if reason is None:
            return None
        return f"{reason}; raise the budget by pull request, then `neurocaas job retry {job}`"
