"""Keep the workers of a job to that job: a role and a cell of its own, for as long as it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.requests import Settings
from neurocaas_ci.executors.batch.rights import job_limit, job_role
from neurocaas_ci.executors.batch.standing import ENGINE
from neurocaas_ci.executors.interface import Runs
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.stores.interface import StateStore
from neurocaas_ci.stores.s3_cell import cell_id

_AT_ONCE = 16


class _Roles(Protocol):
    def make(self, job: str) -> str: ...
    def remove(self, job: str) -> None: ...


@dataclass(frozen=True)
class Confinement:
    """How jobs get, and lose, what only their workers reach.

    What is made is written down before; so whoever comes after a crash knows what to remove.
    `bring` copies a content into the cell of a job.
    """

    batch: Batch
    state: StateStore
    roles: _Roles
    bring: Callable[[str, Sha256], None]

    def open(
        self,
        job: str,
        settings: Settings,
        contents: Iterable[Sha256],
        at_once: int | None,
    ) -> Settings:
        """Return the settings of a job whose workers reach these contents, and no others.

        So many of its runs go on at once, over all its arrays; None where nothing has to bound them.

        Raise IntegrityError when the store lacks one of them.
        """
        wanted = sorted(set(contents))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda digest: self.bring(job, digest), wanted))
        self._note(job, self._noted(job))
        return replace(
            settings,
            role=self.roles.make(job),
            limit="" if at_once is None else self.batch.limit(_limit(job, settings), at_once),
            cell=cell_id(job),
        )

    def expect(self, job: str, definition: str) -> None:
        """Write down the name of a job definition that is about to be registered for a job."""
        noted = self._noted(job)
        if definition not in noted:
            self._note(job, sorted([*noted, definition]))

    def close(self, job: str, settings: Settings) -> None:
        """Remove the role, the limit and the job definitions of a job whose runs have all ended."""
        if self.state.read(_key(job)) in {None, _NOTHING}:
            return
        for name in self._noted(job):
            self.batch.undefine(name)
        self.batch.unlimit(_limit(job, settings))
        self.roles.remove(job)
        self.state.write(_key(job), _NOTHING)

    def _noted(self, job: str) -> list[str]:
        data = self.state.read(_key(job))
        return [] if data in {None, _NOTHING} else list(json.loads(data or b"[]"))

    def _note(self, job: str, definitions: Sequence[str]) -> None:
        self.state.write(_key(job), json.dumps(definitions).encode())


def reused(runs: Runs, specs: Sequence[RunSpec], present: set[str]) -> list[RunRecord]:
    """Return records of runs that need not start: identical ones have been computed before.

    `present` are other runs without a record. One question for each run, many at once.
    """
    found: list[RunRecord] = []
    left = {spec.run: spec for spec in specs}
    asked: set[str] = set()
    while True:
        ready = [
            spec
            for run, spec in left.items()
            if run not in asked and not any(n in left or n in present for n in spec.needs.values())
        ]
        if not ready:
            return found
        asked.update(spec.run for spec in ready)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for record in pool.map(runs.reuse, ready):
                if record is not None:
                    found.append(record)
                    del left[record.run]


_NOTHING = b"none\n"


def _limit(job: str, settings: Settings) -> str:
    return job_limit(job_role(settings.store, job))


def _key(job: str) -> str:
    return f"jobs/{job}/{ENGINE}/definitions.json"
