"""Whether the ledger admits a job; the ledger is opened when a job asks, not before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.cli.common import ledger_cache, say
from neurocaas_ci.plan.cost import step_costs, total
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree

if TYPE_CHECKING:
    from neurocaas_ci.ledger.books import Books


class Admission:
    """Answers for the jobs of one tree of main."""

    def __init__(self, repo: Path, head: GitTree) -> None:
        self._repo = repo
        self._head = head
        self._books: Books | None = None

    def __call__(self, job: str, commit: str) -> str | None:
        """Return why a job that a commit merged may not run, or None.

        Raise what opening the ledger raises. A job that costs nothing needs no ledger.
        """
        if self._is_free(job, commit):
            return None
        if self._books is None:
            from neurocaas_ci.ledger.books import Books

            self._books = Books.open(
                self._repo, self._head.commit, ledger_cache(), objects=self._head.objects, say=say
            )
        reason = self._books.refusal(job)
        if reason is None:
            return None
        return f"{reason}; raise the budget by pull request, then `neurocaas job retry {job}`"

    def _is_free(self, job: str, commit: str) -> bool:
        registry = Registry(self._head.at(commit))
        manifest = registry.job(job).value
        blueprint = None if manifest is None else registry.blueprint(manifest.blueprint).value
        if manifest is None or blueprint is None or blueprint.version != manifest.version:
            return False
        costs = step_costs(blueprint, manifest, lambda name: registry.hardware(name).value)
        return costs is not None and total(costs) == 0
