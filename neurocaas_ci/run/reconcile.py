"""Carry every merged job to its end; crash anywhere, run again, and nothing is done twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError, UsageError
from neurocaas_ci.executors.interface import Executor, RunGraph, Unfinished
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.money import dollars
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.bring_home import bring_home
from neurocaas_ci.run.cancellation import CancelWatch
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.imports import import_file
from neurocaas_ci.run.job_records import Ended, finish, finish_unstarted
from neurocaas_ci.run.machine import machine_facts, require_profile
from neurocaas_ci.run.observer import MakeExecutor, Observer, Outcome
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.resolve import Pins, ResolvedJob, load_job, resolve
from neurocaas_ci.run.rounds import Patience, in_rounds
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.worker import Worker

# Manifests that are read from git at once.
_AHEAD = 100


class _Begun(NamedTuple):
    """A job whose runs are with an executor, and what is known of them."""

    merged: Merged
    job: ResolvedJob
    worker: Worker
    executor: Executor
    ended: dict[str, RunRecord]
    submitted: bool
    facts: dict[str, Any]
    problems: list[Unfinished]
    patience: Patience

    def cancel(self) -> None:
        """Let no run of the job go on."""
        self.worker.cancel.set()
        self.executor.cancel()


class Reconciler:
    """One pass over merged jobs.

    On a detached executor (a cluster, a cloud) the runs of all jobs are submitted before the first
    is waited for, and then all are looked at in turns, so that each is concluded when it has ended;
    without `wait` there is one such turn. Elsewhere one job is carried to its end after the other.

    `refusal` says why a job (its id, and the commit that merged it) may not run, or None; it is asked before a job's first run and never
    again. `head` is the tree of main; main is looked at again while runs are under way, for a
    cancellation.
    `conclude` is called with the id of each job that has ended; an error of it is part of the
    outcome. `only` chooses among the runs of a job (default: all). `stop` ends everything without
    records (Ctrl-C).
    """

    def __init__(
        self,
        *,
        repo: Path,
        head: GitTree,
        home: Home,
        images: Images,
        sandbox: Sandbox,
        make_executor: MakeExecutor,
        observer: Observer,
        refusal: Callable[[str, str], str | None],
        ref: str,
        cpus: int,
        use_cache: bool = True,
        conclude: Callable[[str], None] | None = None,
        only: Callable[[RunSpec], bool] | None = None,
        wait: bool = True,
        stop: threading.Event | None = None,
    ) -> None:
        self.repo = repo
        self.head = head
        self.home = home
        self.images = images
        self.sandbox = sandbox
        self.make_executor = make_executor
        self.observer = observer
        self.refusal = refusal
        self.ref = ref
        self.cpus = cpus
        self.use_cache = use_cache
        self.conclude = conclude
        self.only = only
        self.wait = wait
        self.stop = threading.Event() if stop is None else stop
        self._pins = Pins()
        self._facts = machine_facts()

    def reconcile(self, jobs: Sequence[Merged]) -> list[Outcome]:
        """Take up each job in order and return how each stands."""
        outcomes: list[Outcome] = []
        away: list[_Begun] = []
        with Scratch(self.home.scratch) as scratch:
            for number, merged in enumerate(jobs):
                if number % _AHEAD == 0:
                    some = jobs[number : number + _AHEAD]
                    self._pins.prepare(self.head, (job.commit for job in some))
                    self.head.ahead(job.path for job in some)
                begun = self._take_up(merged, scratch)
                if isinstance(begun, Outcome):
                    outcomes.append(begun)
                elif begun.executor.capabilities().detached:
                    away.append(begun)
                else:
                    outcomes.append(self._carry(begun))
            outcomes.extend(self._carry_all(away))
        return outcomes

    def _carry_all(self, away: Sequence[_Begun]) -> Iterator[Outcome]:
        """Conclude jobs of a detached executor as they end."""
        for begun in away:
            if begun.worker.cancel.is_set():
                begun.executor.cancel()
        watched = {begun.merged.path: begun.cancel for begun in away}
        slowest = max((begun.executor.capabilities().pause for begun in away), default=0.0)
        with CancelWatch(self.head, self.ref, watched):
            try:
                yield from in_rounds(away, self._look, slowest)
            except BaseException:
                self.stop.set()
                left = sum(len(b.job.specs) - len(b.ended) - len(b.problems) for b in away)
                self.observer.note(
                    f"{left} runs go on without us; `neurocaas reconcile` takes them up again,"
                    " `neurocaas job cancel` ends them"
                )
                raise

    def _look(self, begun: _Begun) -> tuple[Outcome | None, bool]:
        """Take up what has ended of a job; return its outcome, if it has one, and whether it moved."""
        known, under_way = len(begun.ended) + len(begun.problems), list[Unfinished]()
        try:
            if begun.submitted:
                for result in begun.executor.collect(wait=False):
                    self._take(begun, result, under_way)
        except BackendUnavailableError as error:
            if self.wait and not begun.patience.ended():
                self.observer.note(f"  {error.message}; asking again")
                return None, False
            return self._waiting(begun.merged, error), True
        except NeurocaasError as error:
            return self._waiting(begun.merged, error), True
        begun.patience.answered()
        if under_way and self.wait:
            return None, known != len(begun.ended) + len(begun.problems)
        for problem in under_way:
            self.observer.run_unfinished(problem)
        try:
            return self._concluded(begun.merged, self._finish(begun, under_way)), True
        except NeurocaasError as error:
            return self._waiting(begun.merged, error), True

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
        begun_before = self.home.state.read(records.plan_key(job.id)) is not None
        if not begun_before:
            reason = job.cancelled or self.refusal(merged.id, merged.commit)
            if reason is not None:
                return finish_unstarted(self.home, job.id, merged, reason)
        roots: dict[Sha256, Path] = {}
        worker = Worker(
            blobs=self.home.contents_of(job.id),
            state=self.home.state,
            scratch=scratch,
            sandbox=self.sandbox,
            root_of=roots.__getitem__,
            logs=self.home.logs,
            stop=self.stop,
            cancel=threading.Event(),
            processors=Processors(self.cpus),
        )
        executor = self.make_executor(worker)
        detached = executor.capabilities().detached
        # Where runs are executed elsewhere, nothing is started from an image here.
        resolved = self._resolve(job, merged, self._pins if detached else Pins())
        roots.update(resolved.roots)
        if not detached:
            for spec in resolved.specs:
                require_profile(spec.determinism, self._facts, where=job.id)
        if not begun_before:
            self.home.state.write(records.plan_key(job.id), records.encode_plan(resolved.plan))
        for dataset in job.datasets:
            import_file(self.home.blobs, dataset)
        if job.cancelled is not None:
            worker.cancel.set()
        ended = self._ended(worker, resolved)
        self.observer.job_started(resolved, len(ended))
        specs = [spec for spec in resolved.specs if spec.run not in ended]
        charges = executor.capabilities().charges
        done = [spec for spec in resolved.specs if spec.run in ended] if charges else []
        submitted = bool(specs or done)
        if submitted:
            prices = {step: dollars(price) for step, price in resolved.prices.items()}
            graph = RunGraph(job.id, specs, resolved.max_parallel, job.pricing, prices, done)
            executor.submit(graph)
        return _Begun(
            merged, resolved, worker, executor, ended, submitted, self._facts, [], Patience()
        )

    def _ended(self, worker: Worker, job: ResolvedJob) -> dict[str, RunRecord]:
        """Return the records of runs that have ended; far away one list is less than many questions."""
        known = set(self.home.state.keys(f"jobs/{job.job.id}/runs"))
        specs = (s for s in job.specs if records.record_key(s.job, s.run) in known)
        return {s.run: r for s in specs if (r := worker.finished(s)) is not None}

    def _end(self, begun: _Begun) -> Ended:
        """Wait for the runs of a job and write its record."""
        if begun.submitted:
            if begun.worker.cancel.is_set():
                begun.executor.cancel()
            with (
                CancelWatch(self.head, self.ref, {begun.merged.path: begun.cancel}),
                contextlib.closing(begun.executor.collect()) as results,
            ):
                try:
                    for result in results:
                        self._take(begun, result, begun.problems)
                except BaseException:
                    self.stop.set()
                    raise
        return self._finish(begun, ())

    def _take(
        self, begun: _Begun, result: RunRecord | Unfinished, under_way: list[Unfinished]
    ) -> None:
        if isinstance(result, RunRecord):
            heard = result.run in begun.ended
            begun.ended[result.run] = result
            if not heard:
                self.observer.run_ended(result)
        elif result.under_way:
            under_way.append(result)
        else:
            begun.problems.append(result)
            self.observer.run_unfinished(result)

    def _finish(self, begun: _Begun, under_way: Sequence[Unfinished]) -> Ended:
        """Write the record of a job; raise what holds it up when some of its runs have none."""
        if begun.problems:
            raise _unfinished(begun.problems, len(begun.job.specs), "unfinished")
        if under_way:
            raise _unfinished(under_way, len(begun.job.specs), "under way")
        bring_home(self.home, begun.merged.id, begun.job.specs, begun.ended)
        return finish(self.home, begun.job, begun.ended, begun.facts)

    def _resolve(self, job: Job, merged: Merged, pins: Pins) -> ResolvedJob:
        resolved = resolve(
            self.repo,
            job,
            registry_commit=merged.commit,
            head=self.head,
            images=self.images,
            use_cache=self.use_cache,
            pins=pins,
        )
        if self.only is None:
            return resolved
        return resolved._replace(specs=tuple(spec for spec in resolved.specs if self.only(spec)))


def _unfinished(problems: Sequence[Unfinished], total: int, how: str) -> NeurocaasError:
    first = problems[0]
    message = f"{len(problems)} of {total} runs are {how}; first {first.run}: {first.error}"
    return type(first.error)(message)
