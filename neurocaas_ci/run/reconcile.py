"""Carry every merged job to its end; crash anywhere, run again, and nothing is done twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import NeurocaasError, UsageError
from neurocaas_ci.executors.interface import Executor, RunGraph, Runs, Unfinished
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.cancellation import CancelWatch
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.imports import import_file
from neurocaas_ci.run.job_records import Ended, finish, finish_unstarted
from neurocaas_ci.run.machine import machine_facts, require_profile
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.resolve import ResolvedJob, load_job, resolve
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.stage import Scratch
from neurocaas_ci.run.worker import Worker


class Observer(Protocol):
    """Who is told how a reconcile goes on."""

    def job_started(self, job: ResolvedJob, done: int) -> None:
        """Hear that a job is taken up; `done` of its runs have ended before."""
        ...

    def run_ended(self, record: RunRecord) -> None:
        """Hear that a run has a record."""
        ...

    def run_unfinished(self, problem: Unfinished) -> None:
        """Hear that a run could not be carried to its end this time."""
        ...

    def job_ended(self, job: str, status: str, message: str) -> None:
        """Hear that a job has a record, or could not get one."""
        ...


class MakeExecutor(Protocol):
    """Give an executor for one job, around the worker of this machine."""

    def __call__(self, runs: Runs) -> Executor:
        """Return a fresh executor."""
        ...


class Outcome(NamedTuple):
    """How a job stands after a pass: the status of its record, or `waiting`.

    A job waits when something outside must change first, and `error` says what. Of a job that has
    a record, `error` says why it could not be concluded (certified and published).
    """

    job: str
    status: str
    error: NeurocaasError | None = None


class _Begun(NamedTuple):
    """A job whose runs are with an executor, and what is known of them."""

    merged: Merged
    job: ResolvedJob
    worker: Worker
    executor: Executor
    ended: dict[str, RunRecord]
    submitted: bool
    facts: dict[str, Any]


@dataclass
class Reconciler:
    """One pass over merged jobs.

    On a detached executor (a cluster, a cloud) the runs of all jobs are submitted before the first
    is waited for; elsewhere one job is carried to its end after the other.

    `refusal` says why a job (its id, and the commit that merged it) may not run, or None; it is asked before a job's first run and never
    again. `head` is the tree of main; main is looked at again while runs are under way, for a
    cancellation.
    `conclude` is called with the id of each job that has ended; an error of it is part of the
    outcome. `only` chooses among the runs of a job (default: all). `stop` ends everything without
    records (Ctrl-C).
    """

    repo: Path
    head: GitTree
    home: Home
    images: Images
    sandbox: Sandbox
    make_executor: MakeExecutor
    observer: Observer
    refusal: Callable[[str, str], str | None]
    ref: str
    cpus: int
    use_cache: bool = True
    conclude: Callable[[str], None] | None = None
    only: Callable[[RunSpec], bool] | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def reconcile(self, jobs: Sequence[Merged]) -> list[Outcome]:
        """Take up each job in order and return how each stands."""
        outcomes: list[Outcome] = []
        away: list[_Begun] = []
        with Scratch(self.home.scratch) as scratch:
            for merged in jobs:
                begun = self._take_up(merged, scratch)
                if isinstance(begun, Outcome):
                    outcomes.append(begun)
                elif begun.executor.capabilities().detached:
                    away.append(begun)
                else:
                    outcomes.append(self._carry(begun))
            outcomes.extend(self._carry(begun) for begun in away)
        return outcomes

    def _take_up(self, merged: Merged, scratch: Scratch) -> _Begun | Outcome:
        try:
            begun = self._begin(merged, scratch)
        except NeurocaasError as error:
            return self._waiting(merged, error)
        return begun if isinstance(begun, _Begun) else self._concluded(merged, begun)

    def _carry(self, begun: _Begun) -> Outcome:
        try:
            ended = self._end(begun)
        except NeurocaasError as error:
            return self._waiting(begun.merged, error)
        return self._concluded(begun.merged, ended)

    def _waiting(self, merged: Merged, error: NeurocaasError) -> Outcome:
        if self.stop.is_set():
            raise error
        self.observer.job_ended(merged.id, "waiting", str(error))
        return Outcome(merged.id, "waiting", error)

    def _concluded(self, merged: Merged, ended: Ended) -> Outcome:
        self.observer.job_ended(merged.id, ended.status, ended.message)
        outcome = Outcome(merged.id, ended.status)
        if self.conclude is not None:
            try:
                self.conclude(merged.id)
            except NeurocaasError as error:
                return outcome._replace(error=error)
        return outcome

    def _begin(self, merged: Merged, scratch: Scratch) -> _Begun | Ended:
        """Pin a job and hand its runs to an executor."""
        job = load_job(self.head, merged.path)
        if self.home.group not in {None, job.group}:
            raise UsageError(
                f"the job is of group {job.group}, the store of group {self.home.group}",
                where=job.id,
                hint="NEUROCAAS_GROUP says whose jobs are run",
            )
        if self.home.state.read(records.plan_key(job.id)) is None:
            reason = job.cancelled or self.refusal(merged.id, merged.commit)
            if reason is not None:
                return finish_unstarted(self.home, job.id, merged, reason)
        resolved = self._resolve(job, merged)
        worker = Worker(
            blobs=self.home.blobs,
            state=self.home.state,
            scratch=scratch,
            sandbox=self.sandbox,
            root_of=resolved.roots.__getitem__,
            logs=self.home.logs,
            stop=self.stop,
            cancel=threading.Event(),
            processors=Processors(self.cpus),
        )
        executor = self.make_executor(worker)
        facts = machine_facts()
        if not executor.capabilities().detached:
            for spec in resolved.specs:
                require_profile(spec.determinism, facts, where=job.id)
        if self.home.state.read(records.plan_key(job.id)) is None:
            self.home.state.write(records.plan_key(job.id), records.encode_plan(resolved.plan))
        for dataset in job.datasets:
            import_file(self.home.blobs, dataset)
        if job.cancelled is not None:
            worker.cancel.set()
        ended = {s.run: r for s in resolved.specs if (r := worker.finished(s)) is not None}
        self.observer.job_started(resolved, len(ended))
        specs = [spec for spec in resolved.specs if spec.run not in ended]
        if specs:
            executor.submit(RunGraph(job.id, specs, resolved.max_parallel, job.pricing))
        return _Begun(merged, resolved, worker, executor, ended, bool(specs), facts)

    def _end(self, begun: _Begun) -> Ended:
        """Wait for the runs of a job and write its record."""
        ended, problems = begun.ended, list[Unfinished]()
        if begun.submitted:
            for result in self._results(begun):
                if isinstance(result, Unfinished):
                    problems.append(result)
                    self.observer.run_unfinished(result)
                else:
                    ended[result.run] = result
                    self.observer.run_ended(result)
        if problems:
            raise _unfinished(problems, len(begun.job.specs))
        return finish(self.home, begun.job, ended, begun.facts)

    def _results(self, begun: _Begun) -> Iterator[RunRecord | Unfinished]:
        def cancel() -> None:
            begun.worker.cancel.set()
            begun.executor.cancel()

        if begun.worker.cancel.is_set():
            begun.executor.cancel()
        with (
            CancelWatch(self.head, self.ref, begun.merged.path, cancel),
            contextlib.closing(begun.executor.collect()) as results,
        ):
            try:
                yield from results
            except BaseException:
                self.stop.set()
                raise

    def _resolve(self, job: Job, merged: Merged) -> ResolvedJob:
        resolved = resolve(
            self.repo,
            job,
            registry_commit=merged.commit,
            head=self.head,
            images=self.images,
            use_cache=self.use_cache,
        )
        if self.only is None:
            return resolved
        return resolved._replace(specs=tuple(spec for spec in resolved.specs if self.only(spec)))


def _unfinished(problems: list[Unfinished], total: int) -> NeurocaasError:
    first = problems[0]
    message = f"{len(problems)} of {total} runs are unfinished; first {first.run}: {first.error}"
    return type(first.error)(message)
