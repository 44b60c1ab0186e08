"""The Slurm executor: the runs of a job as job arrays, which go on without the runner."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.arrays import JobArray, job_arrays
from neurocaas_ci.executors.interface import (
    Capabilities,
    Placement,
    RunGraph,
    Runs,
    Unfinished,
)
from neurocaas_ci.executors.slurm_client import Slurm, Task
from neurocaas_ci.executors.slurm_script import (
    SlurmOptions,
    batch_script,
    dependencies,
    sbatch_arguments,
    submission_name,
)
from neurocaas_ci.executors.slurm_standing import ENGINE, placements, tasks_at
from neurocaas_ci.executors.slurm_states import LOST, first_word, in_words, placement_state
from neurocaas_ci.executors.submissions import Journal
from neurocaas_ci.executors.waiting import Waiting
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.stores.directory import DirectoryState
from neurocaas_ci.stores.interface import Claim

# A record that a node wrote may be seen here later: NFS keeps what it knows of a folder for a while.
_RECORD_LAG_S = {"COMPLETED": 60.0, "FAILED": 5.0, "CANCELLED": 5.0}
_LOG_TAIL = 2000


class SlurmExecutor:
    """Place the runs of one job on a cluster that shares the home with this machine.

    Arrays are written down before they are submitted and found again by their names afterwards, so
    another process, or the next, goes on with them. A run that Slurm ended without a record is
    unfinished; the next one who submits the same graph submits it again.

    `encode` writes the document that the worker reads. `slowest` is the longest pause between two
    looks, in seconds.
    """

    def __init__(
        self,
        runs: Runs,
        slurm: Slurm,
        state: DirectoryState,
        options: SlurmOptions,
        *,
        encode: Callable[[RunSpec], bytes],
        say: Callable[[str], None],
        slowest: float = 10.0,
    ) -> None:
        self._runs, self._slurm, self._state, self._options = runs, slurm, state, options
        self._encode, self._say = encode, say
        self._slowest = slowest
        self._waiting = Waiting("Slurm", self.poll, self._result, say, slowest)
        self._journal: Journal | None = None
        self._specs: dict[str, RunSpec] = {}
        self._settled: list[RunRecord] = []
        self._seen: dict[str, Task] = {}

    def capabilities(self) -> Capabilities:
        """Say that the runs go on by themselves; how much fits is the cluster's business."""
        return Capabilities(ENGINE, cpus=0, memory=0, detached=True, pause=self._slowest)

    def submit(self, graph: RunGraph) -> None:
        """Submit what is not with Slurm already, as few arrays as the graph allows."""
        self._specs = {spec.run: spec for spec in graph.specs}
        self._journal = journal = Journal(self._state, graph.job, ENGINE)
        with journal.claim() as claim:
            journal.load()
            self._recover(journal, claim)
            places = journal.places()
            tasks = tasks_at(self._slurm, places.values())
            fresh: list[RunSpec] = []
            under_way: dict[str, str] = {}
            for spec in graph.specs:
                task = tasks.get(places.get(spec.run, ""))
                if task is not None and placement_state(task.word, task.reason) != "ended":
                    under_way[spec.run] = task.handle
                elif (record := self._runs.settle(spec)) is not None:
                    self._settled.append(record)
                else:
                    fresh.append(spec)
                    if spec.run in places:
                        self._say(f"  {spec.run}: {self._lost(spec.run, task)}; submitted again")
            if under_way:
                self._say(f"  {len(under_way)} runs are with Slurm already")
            self._submit_arrays(graph, fresh, under_way, claim)
        self._waiting.begin(self._specs, self._settled)

    def poll(self) -> Mapping[str, Placement]:
        """Say how each submitted run stands with Slurm."""
        journal = self._opened()
        # Another runner may have submitted some of them again.
        journal.load()
        places = journal.places()
        mine = {run: places[run] for run in self._specs if run in places}
        self._seen = tasks_at(self._slurm, mine.values())
        found = placements(mine, self._seen, journal.attempts())
        for run in self._specs:
            # What was settled without being submitted, as the runs that it needs had failed.
            found.setdefault(run, Placement(run, "ended"))
        return found

    def cancel(self) -> None:
        """End the arrays of the job in Slurm; its runs are then recorded as cancelled."""
        journal = self._opened()
        with journal.claim() as claim:
            journal.load()
            self._recover(journal, claim)
            self._slurm.cancel([s.handle for s in journal.submissions if s.handle is not None])

    def collect(self, *, wait: bool = True) -> Generator[RunRecord | Unfinished, None, None]:
        """Yield one result for each submitted run, as they end."""
        return self._waiting.collect(wait=wait)

    def _recover(self, journal: Journal, claim: Claim | None) -> None:
        """Find out what became of submissions that were cut off.

        sbatch holds the claim open, so none is under way while we hold it.
        """
        for submission in journal.submissions:
            if submission.handle is None:
                journal.settle(submission.name, self._slurm.find(submission.name), claim)

    def _submit_arrays(
        self,
        graph: RunGraph,
        specs: Sequence[RunSpec],
        under_way: Mapping[str, str],
        claim: Claim | None,
    ) -> None:
        journal = self._opened()
        arrays = job_arrays(specs, self._slurm.max_array_size()) if specs else ()
        handles: list[str] = []
        for array in arrays:
            token = os.urandom(6).hex()
            name = submission_name(graph.job, array.step, token)
            folder = self._write_specs(graph.job, token, array)
            arguments = sbatch_arguments(
                array,
                name=name,
                folder=str(folder),
                max_parallel=graph.max_parallel,
                pricing=graph.pricing,
                dependencies=dependencies(array, arrays, handles, under_way),
                options=self._options,
            )
            journal.intend(name, tuple(spec.run for spec in array.specs), claim)
            script = batch_script(str(folder), self._options)
            handle = self._slurm.submit(arguments, script, claim.fd if claim else None)
            journal.settle(name, handle, claim)
            handles.append(handle)
            self._say(f"  {array.step}: {len(array.specs)} runs submitted, Slurm job {handle}")

    def _write_specs(self, job: str, token: str, array: JobArray) -> Path:
        key = f"jobs/{job}/{ENGINE}/{token}"
        for task, spec in enumerate(array.specs):
            self._state.write(f"{key}/{task}.json", self._encode(spec))
        return self._state.path(key)

    def _result(
        self, spec: RunSpec, placement: Placement, ended_for: float
    ) -> RunRecord | Unfinished | None:
        """Return what came of a run that Slurm has ended, or None while its record may be on its way."""
        record = self._runs.finished(spec) or self._runs.settle(spec)
        if record is not None:
            return record
        task = self._seen.get(placement.handle)
        lag = _RECORD_LAG_S.get(first_word(task.word), 0.0) if task is not None else 0.0
        if ended_for < lag:
            return None
        error = BackendUnavailableError(
            self._lost(spec.run, task),
            where=f"{spec.job}#{spec.run}",
            hint="`neurocaas reconcile` submits it again",
        )
        return Unfinished(spec.run, error)

    def _lost(self, run: str, task: Task | None) -> str:
        """Say why Slurm ended a run that has no record: its reason, and what the worker said last."""
        why = in_words(task.word, task.reason) if task is not None else LOST
        said = self._last_words(run)
        return f"no result: {why}" + (f": {said}" if said else "")

    def _last_words(self, run: str) -> str:
        for submission in reversed(self._opened().submissions):
            if run in submission.runs:
                token = submission.name.rpartition("-")[2]
                number = submission.runs.index(run)
                key = f"jobs/{self._specs[run].job}/{ENGINE}/{token}/{number}.out"
                text = (self._state.read(key) or b"")[-_LOG_TAIL:].decode("utf-8", "replace")
                lines = [line for line in text.splitlines() if line.strip()]
                return " ".join(lines[-3:])
        return ""

    def _opened(self) -> Journal:
        if self._journal is None:
            raise RuntimeError("nothing was submitted")
        return self._journal
