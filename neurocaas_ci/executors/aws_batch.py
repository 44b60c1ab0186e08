"""The AWS Batch executor: the runs of a job as job arrays, which go on without the runner."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.batch.attempts import keep_attempts, without_attempts
from neurocaas_ci.executors.batch.client import Batch
from neurocaas_ci.executors.batch.confinement import Confinement, reused
from neurocaas_ci.executors.batch.placing import Placing
from neurocaas_ci.executors.batch.requests import Settings
from neurocaas_ci.executors.batch.standing import ENGINE, MACHINES_AT_ONCE, newest, placements
from neurocaas_ci.executors.batch.watch import LOST, Describe, Standing, Watch, task_id
from neurocaas_ci.executors.batch.words import container_instances
from neurocaas_ci.executors.interface import Capabilities, Placement, RunGraph, Runs, Unfinished
from neurocaas_ci.executors.submissions import Journal
from neurocaas_ci.executors.waiting import Waiting
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.stores.interface import StateStore

# How long a worker that was killed still holds its run, at most: claims across machines are lent.
_CLAIM_LAG_S = 120.0


class AwsBatchExecutor:
    """Place the runs of one job on AWS Batch; workers find specs, inputs and state in the store.

    Arrays are written down before they are submitted and found again by their names afterwards, so
    another process, or the next, goes on with them. A run that Batch ended without a record is
    unfinished; the next one who submits the same graph submits it again.

    `hardware` gives the entry of the resource bank, `deliver` puts an image where workers find it,
    `encode` gives the document that a worker reads.
    `slowest` is the longest pause between two looks, in seconds. Executors that attend to several
    jobs share `describe`, which asks Batch how jobs stand, for all of them at once. With a
    `confinement` the workers of a job reach that job alone; else they have the role of `settings`.
    Before runs are submitted again `hold` hears what the job has cost and may still cost, and refuses
    by an exception.
    """

    def __init__(
        self,
        runs: Runs,
        batch: Batch,
        state: StateStore,
        settings: Settings,
        *,
        hardware: Callable[[str], Hardware],
        deliver: Callable[[Sha256], None],
        encode: Callable[[RunSpec], bytes],
        say: Callable[[str], None],
        slowest: float = 20.0,
        describe: Describe | None = None,
        confinement: Confinement | None = None,
        hold: Callable[[str, Microdollars], None] | None = None,
    ) -> None:
        self._runs, self._batch, self._state, self._say = runs, batch, state, say
        self._placing = Placing(batch, state, settings, hardware, deliver, encode, say)
        self._settings, self._confinement, self._incomplete = settings, confinement, False
        self._slowest, self._hold = slowest, hold
        self._watch = Watch(batch.tasks, describe or batch.describe)
        self._machines: dict[str, Mapping[str, Any]] = {}
        self._waiting = Waiting("AWS Batch", self.poll, self._result, say, slowest, self._looked)
        self._journal: Journal | None = None
        self._specs: dict[str, RunSpec] = {}
        self._settled: list[RunRecord] = []
        self._cancelled = threading.Event()

    def capabilities(self) -> Capabilities:
        """Say that the runs go on by themselves; how much fits is the account's business."""
        return Capabilities(
            ENGINE, cpus=0, memory=0, detached=True, pause=self._slowest, charges=True
        )

    def submit(self, graph: RunGraph) -> None:
        """Submit what is not with Batch already, as few arrays as the graph allows."""
        self._specs = {spec.run: spec for spec in graph.specs}
        self._placing = replace(
            self._placing, job=graph.job, pricing=graph.pricing, prices=graph.prices
        )
        for spec in graph.specs:
            self._placing.check_fits(spec)
        self._journal = journal = Journal(self._state, graph.job, ENGINE)
        with journal.claim() as claim:
            journal.load()
            self._placing.recover(journal, self._specs, claim)
            places = newest(journal)
            owing = without_attempts(
                self._state, graph.job, journal.submissions, places, [s.run for s in graph.done]
            )
            self._specs |= {spec.run: spec for spec in graph.done if spec.run in owing}
            standing = self._watch.look(journal.submissions)
            self._keep_attempts({run: standing.get(places.get(run, "")) for run in self._specs})
            fresh: list[RunSpec] = []
            under_way: dict[str, str] = {}
            for spec in self._specs.values():
                task = standing.get(places.get(spec.run, ""))
                if task is not None and task.state != "ended":
                    under_way[spec.run] = task.id
                elif not self._settle(spec, again=spec.run in places):
                    fresh.append(spec)
                    if spec.run in places:
                        self._placing.check_paid(spec)
                        self._say(f"  {spec.run}: {_why(task)}; submitted again")
            if under_way:
                self._say(f"  {len(under_way)} runs are with AWS Batch already")
            if self._hold is not None and any(spec.run in places for spec in fresh):
                ahead = [*fresh, *(self._specs[run] for run in under_way)]
                self._hold(graph.job, self._placing.committed(places, ahead))
            fresh = self._confine(graph, fresh, under_way)
            self._placing.submit(journal, graph.job, fresh, under_way, claim)
        self._waiting.begin(self._specs, self._settled)

    def poll(self) -> Mapping[str, Placement]:
        """Say how each submitted run stands with Batch, and on which machine."""
        journal = self._opened()
        # Another runner may have submitted some of them again.
        journal.load()
        tasks = self._watch.look(journal.submissions)
        return placements(self._specs, journal, tasks, self._describe)

    def cancel(self) -> None:
        """End the arrays of the job in Batch; its runs are then recorded as cancelled."""
        self._cancelled.set()
        journal = self._opened()
        with journal.claim() as claim:
            journal.load()
            self._placing.recover(journal, self._specs, claim)
            standing = self._watch.look(journal.submissions)
            for one in journal.submissions:
                tasks = [standing.get(task_id(one, k)) for k in range(len(one.runs))]
                if one.handle and any(task and task.state != "ended" for task in tasks):
                    self._batch.end(one.handle, "the job was cancelled")

    def collect(self, *, wait: bool = True) -> Generator[RunRecord | Unfinished, None, None]:
        """Yield one result for each submitted run, as they end."""
        for result in self._waiting.collect(wait=wait):
            self._incomplete |= isinstance(result, Unfinished) and not result.under_way
            yield result
        if self._confinement is not None and self._waiting.idle and not self._incomplete:
            with self._opened().claim():
                self._confinement.close(self._placing.job, self._settings)

    def _confine(
        self, graph: RunGraph, fresh: list[RunSpec], under_way: Mapping[str, str]
    ) -> list[RunSpec]:
        """Prepare what only the workers of this job reach; return the runs that have to start."""
        if self._confinement is None or not fresh:
            return fresh
        self._settled += (known := reused(self._runs, fresh, set(under_way)))
        taken = {record.run for record in known}
        fresh = [spec for spec in fresh if spec.run not in taken]
        if fresh:
            ended = {spec.run: spec for spec in (*graph.specs, *graph.done)}
            needed = {run for spec in fresh for run in spec.needs.values()}
            needed -= {*under_way, *(spec.run for spec in fresh)}
            before = [record for run in needed if (record := self._runs.finished(ended[run]))]
            contents = [
                *(file.sha256 for spec in fresh for file in spec.inputs),
                *(file.sha256 for record in before for file in record.outputs),
            ]
            bounded = len(graph.specs) + len(graph.done) > graph.max_parallel
            settings = self._confinement.open(
                graph.job,
                self._settings,
                contents,
                graph.max_parallel if bounded else None,
            )
            expect = functools.partial(self._confinement.expect, graph.job)
            self._placing = replace(self._placing, settings=settings, expect=expect)
        return fresh

    def _describe(self, running: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return where running tasks are; of thousands that began at once, of some more each time."""
        known = {task: self._machines[task] for task in running if task in self._machines}
        new = [task for task in running if task not in known][:MACHINES_AT_ONCE]
        self._machines = {**known, **self._batch.describe(new)}
        return self._machines

    def _settle(self, spec: RunSpec, *, again: bool) -> bool:
        """Record a run that shall not start; tell whether that was so.

        Far away each question takes a second, so one is asked only of runs that may be concerned: of
        those that were submitted before or need one which has ended, and of the first, which tells
        whether the job is cancelled; then of all.
        """
        ended = {record.run for record in self._settled}
        concerned = (
            again
            or spec.run == next(iter(self._specs))
            or any(record.status == "cancelled" for record in self._settled)
            or any(run in ended or run not in self._specs for run in spec.needs.values())
        )
        record = self._runs.settle(spec) if concerned else None
        if record is not None:
            self._settled.append(record)
        return record is not None

    def _looked(self, open_runs: Mapping[str, RunSpec], standing: Mapping[str, Placement]) -> None:
        self._keep_attempts({run: p for run, p in standing.items() if run in open_runs})

    def _keep_attempts(self, standing: Mapping[str, Standing | Placement | None]) -> None:
        """Write down, by run, what the attempts of those that have ended cost.

        This is done before a run is submitted again, and before its result is given to anybody.
        """
        ended = {_id(s): run for run, s in standing.items() if s and s.state == "ended" and _id(s)}
        described = self._batch.describe(list(ended))
        known = container_instances(described.values())
        instances = self._batch.instances(known) if known else {}
        for handle, job in described.items():
            spec = self._specs[ended[handle]]
            price = self._placing.price(spec)
            keep_attempts(self._state, spec.job, spec.run, job, price, instances)

    def _result(
        self, spec: RunSpec, placement: Placement, ended_for: float
    ) -> RunRecord | Unfinished | None:
        """Return what came of a run that Batch has ended, or None while that is not known yet."""
        record = self._runs.finished(spec) or self._runs.settle(spec)
        if record is not None:
            return record
        if self._cancelled.is_set() and ended_for < _CLAIM_LAG_S:
            return None
        error = BackendUnavailableError(
            f"no result: {placement.reason or LOST}",
            where=f"{spec.job}#{spec.run}",
            hint="`neurocaas logs` shows what it wrote; `neurocaas reconcile` submits it again",
        )
        return Unfinished(spec.run, error)

    def _opened(self) -> Journal:
        if self._journal is None:
            raise RuntimeError("nothing was submitted")
        return self._journal


def _id(one: Standing | Placement) -> str:
    return one.handle if isinstance(one, Placement) else one.id


def _why(task: Standing | None) -> str:
    return LOST if task is None else task.reason or "it ended without a result"
