"""Carry every merged job to its end; crash anywhere, run again, and nothing is done twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.executors.interface import Execute, Executor, Unfinished
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.money import dollars
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.run import RunRecord, RunSpec, RunStatus
from neurocaas_ci.registry.git import GitTree, blob_at
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.imports import import_file
from neurocaas_ci.run.machine import machine_facts, require_profile
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.resolve import ResolvedJob, load_job, resolve
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.stage import Scratch
from neurocaas_ci.run.worker import Worker

_POLL_SECONDS = 2.0


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
    """Give an executor for one job, around the function that executes a run."""

    def __call__(self, execute: Execute) -> Executor:
        """Return a fresh executor."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job stands after a pass: the status of its record, or `waiting`.

    A job waits when something outside must change first, and `error` says what. Of a job that has
    a record, `error` says why it could not be concluded (certified and published).
    """

    job: str
    status: str
    error: NeurocaasError | None = None


@dataclass
class Reconciler:
    """One pass over merged jobs.

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
        with Scratch(self.home.scratch) as scratch:
            for merged in jobs:
                outcome = self._try(merged, scratch)
                if self.conclude is not None and outcome.status != "waiting":
                    try:
                        self.conclude(merged.id)
                    except NeurocaasError as error:
                        outcome = replace(outcome, error=error)
                outcomes.append(outcome)
        return outcomes

    def _try(self, merged: Merged, scratch: Scratch) -> Outcome:
        try:
            status, message = self._carry(merged, scratch)
            outcome = Outcome(merged.id, status)
        except NeurocaasError as error:
            if self.stop.is_set():
                raise
            message, outcome = str(error), Outcome(merged.id, "waiting", error)
        self.observer.job_ended(merged.id, outcome.status, message)
        return outcome

    def _carry(self, merged: Merged, scratch: Scratch) -> tuple[str, str]:
        job = load_job(self.head, merged.path)
        if self.home.state.read(records.plan_key(job.id)) is None:
            reason = job.cancelled or self.refusal(merged.id, merged.commit)
            if reason is not None:
                return self._finish_unstarted(job.id, merged, reason)
        resolved = self._resolve(job, merged)
        facts = machine_facts()
        for spec in resolved.specs:
            require_profile(spec.determinism, facts, where=job.id)
        if self.home.state.read(records.plan_key(job.id)) is None:
            self.home.state.write(records.plan_key(job.id), records.encode_plan(resolved.plan))
        for dataset in job.datasets:
            import_file(self.home.blobs, dataset)
        worker = Worker(
            blobs=self.home.blobs,
            state=self.home.state,
            scratch=scratch,
            sandbox=self.sandbox,
            root_of=resolved.roots.__getitem__,
            log_of=self.home.state.path,
            stop=self.stop,
            cancel=threading.Event(),
            processors=Processors(self.cpus),
        )
        if job.cancelled is not None:
            worker.cancel.set()
        ended = {s.run: r for s in resolved.specs if (r := worker.finished(s)) is not None}
        self.observer.job_started(resolved, len(ended))
        problems: list[Unfinished] = []
        for result in self._run(resolved, worker, merged, skip=ended.keys()):
            if isinstance(result, Unfinished):
                problems.append(result)
                self.observer.run_unfinished(result)
            else:
                ended[result.run] = result
                self.observer.run_ended(result)
        if problems:
            raise _unfinished(problems, len(resolved.specs))
        return self._finish(resolved, ended, facts)

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
        return replace(resolved, specs=tuple(spec for spec in resolved.specs if self.only(spec)))

    def _run(
        self, resolved: ResolvedJob, worker: Worker, merged: Merged, skip: Collection[str]
    ) -> Iterator[RunRecord | Unfinished]:
        specs = [spec for spec in resolved.specs if spec.run not in skip]
        if not specs:
            return
        executor = self.make_executor(worker.execute)
        with _CancelWatch(self.head, self.ref, merged.path, worker.cancel):
            executor.submit(specs, resolved.max_parallel)
            try:
                yield from executor.collect()
            except BaseException:
                self.stop.set()
                executor.close()
                raise

    def _finish(
        self, resolved: ResolvedJob, ended: dict[str, RunRecord], facts: dict[str, Any]
    ) -> tuple[str, str]:
        state = self.home.state
        ordered = [ended[spec.run] for spec in resolved.specs]
        status: RunStatus = "succeeded"
        failed = [r for r in ordered if r.status in {"failed", "skipped"}]
        if failed:
            status = "failed"
        elif any(r.status == "cancelled" for r in ordered):
            status = "cancelled"
        message = f"{failed[0].run}: {failed[0].message}" if failed else ""
        rows: list[tuple[str, RunStatus, Sha256]] = []
        for record in ordered:
            document = state.read(records.record_key(record.job, record.run)) or b""
            rows.append((record.run, record.status, sha256_bytes(document)))
        prices = {step: dollars(price) for step, price in resolved.prices.items()}
        cost = sum(r.usage.wall_s / 3600 * prices[r.step] for r in ordered)
        with state.claim(records.job_key(resolved.job.id), wait=True):
            if state.read(records.job_key(resolved.job.id)) is None or self._stale(resolved, rows):
                plan = records.plan_facts(resolved.plan)
                document = records.encode_job(
                    records.JobRecord(
                        job=resolved.job.id,
                        status=status,
                        plan=plan,
                        runs=tuple(rows),
                        wall_s=sum(r.usage.wall_s for r in ordered),
                        cpu_s=sum(r.usage.cpu_s for r in ordered),
                        cost_usd=round(cost, 6),
                        prices=prices,
                        host=facts,
                        started=min(r.started for r in ordered),
                        ended=max(r.ended for r in ordered),
                        message=message,
                    )
                )
                state.write(records.job_key(resolved.job.id), document)
                _sync(state.path(records.job_key(resolved.job.id)))
        return status, message

    def _stale(self, resolved: ResolvedJob, rows: list[tuple[str, RunStatus, Sha256]]) -> bool:
        data = self.home.state.read(records.job_key(resolved.job.id)) or b"{}"
        return [tuple(row) for row in records.decode_job(data)["runs"]] != rows

    def _finish_unstarted(self, job: str, merged: Merged, reason: str) -> tuple[str, str]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = records.JobRecord(
            job=job,
            status="cancelled",
            plan={"job": job, "registry_commit": merged.commit},
            runs=(),
            wall_s=0.0,
            cpu_s=0.0,
            cost_usd=0.0,
            prices={},
            host={},
            started=now,
            ended=now,
            message=reason,
        )
        self.home.state.write(records.job_key(job), records.encode_job(record))
        return "cancelled", reason


class _CancelWatch:
    """Look now and then whether main says that the job is cancelled.

    The manifest is read again only when it is another one than before, on `head` at first.
    """

    def __init__(self, head: GitTree, ref: str, path: str, cancel: threading.Event) -> None:
        self._repo, self._ref, self._path, self._cancel = head.repo, ref, path, cancel
        self._seen = head.entries(path)[0].blob
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="cancel-watch", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_POLL_SECONDS):
            blob = blob_at(self._repo, self._ref, self._path)
            if blob in {None, self._seen}:
                continue
            try:
                with GitTree(self._repo, self._ref) as tree:
                    if load_job(tree, self._path).cancelled is not None:
                        self._cancel.set()
                        return
                self._seen = blob
            except NeurocaasError:
                continue


def _unfinished(problems: list[Unfinished], total: int) -> NeurocaasError:
    first = problems[0]
    message = f"{len(problems)} of {total} runs are unfinished; first {first.run}: {first.error}"
    return type(first.error)(message)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
