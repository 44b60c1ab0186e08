"""The local executor: as many runs at once as this machine and the job's limits allow."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Generator, Mapping

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, NeurocaasError
from neurocaas_ci.executors.interface import (
    Capabilities,
    Placement,
    RunGraph,
    Runs,
    Unfinished,
)
from neurocaas_ci.model.run import RunRecord, RunSpec


class _Pending:
    """Runs that have not started, in order, and the bookkeeping of what may start."""

    def __init__(
        self, waiting: list[RunSpec], ended: set[str], cpus: int, memory: int, slots: int
    ) -> None:
        self.waiting = waiting
        self.ended = ended
        self.free_cpus = cpus
        self.free_memory = memory
        self.free_slots = slots

    def next(self) -> RunSpec | None:
        """Take the first run that may start now; None when something must end first."""
        for index, spec in enumerate(self.waiting):
            if self.free_slots < 1 or self.free_cpus < 1:
                return None
            fits = (
                spec.limits.cpus <= self.free_cpus
                and spec.limits.memory <= self.free_memory
                and all(run in self.ended for run in spec.needs.values())
            )
            if fits:
                return self.waiting.pop(index)
        return None

    def take(self, spec: RunSpec, sign: int) -> None:
        self.free_slots += sign
        self.free_cpus += sign * spec.limits.cpus
        self.free_memory += sign * spec.limits.memory


class LocalExecutor:
    """Execute runs in threads, one sandbox process each.

    A run whose input is not intact holds nobody up. Any other failure of the machine lets what is
    under way end and starts nothing more; `collect` then names what is left as unfinished. An
    unexpected exception is raised by `collect`.

    `ahead` is how many runs may be prepared or finished beside those that hold the processors; then
    `runs` itself must see to it that no more workflows run than there are processors.
    """

    def __init__(self, runs: Runs, *, cpus: int | None = None, memory: int, ahead: int = 0) -> None:
        self._runs = runs
        self._cpus = cpus or len(os.sched_getaffinity(0))
        self._memory = memory
        self._ahead = ahead
        self._pending = _Pending([], set(), 0, 0, 0)
        self._changed = threading.Condition()
        self._results: queue.SimpleQueue[RunRecord | Unfinished | BaseException] = (
            queue.SimpleQueue()
        )
        self._threads: list[threading.Thread] = []
        self._placements: dict[str, Placement] = {}

    def capabilities(self) -> Capabilities:
        """Say how much can run at once."""
        return Capabilities("local", self._cpus, self._memory)

    def submit(self, graph: RunGraph) -> None:
        """Start the runs of one job; raise BackendUnavailableError when one can never fit."""
        specs = graph.specs
        for spec in specs:
            self._check_fits(spec)
        self._placements = {spec.run: Placement(spec.run, "queued") for spec in specs}
        self._pending = _Pending(
            waiting=list(specs),
            # A run that is needed but not submitted has ended before.
            ended={r for s in specs for r in s.needs.values()} - {s.run for s in specs},
            cpus=self._cpus + self._ahead,
            memory=self._memory,
            slots=graph.max_parallel,
        )
        count = min(graph.max_parallel, self._cpus + self._ahead, max(len(specs), 1))
        for number in range(count):
            thread = threading.Thread(target=self._work, name=f"run-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def poll(self) -> Mapping[str, Placement]:
        """Say how each submitted run stands."""
        with self._changed:
            return dict(self._placements)

    def cancel(self) -> None:
        """Start nothing more but what ends at once, because its worker knows of the cancellation."""

    def collect(self, *, wait: bool = True) -> Generator[RunRecord | Unfinished, None, None]:  # noqa: ARG002 - runs of this process are always waited for
        """Yield one result for each submitted run, as they end."""
        try:
            for _ in range(len(self._placements)):
                result = self._results.get()
                if not isinstance(result, RunRecord | Unfinished):
                    raise result
                yield result
        except (KeyboardInterrupt, GeneratorExit):
            self._runs.interrupt()
            raise
        finally:
            self._close()

    def _close(self) -> None:
        """Start nothing more and wait for what is under way."""
        with self._changed:
            self._pending.waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while True:
            with self._changed:
                while (spec := self._pending.next()) is None:
                    if not self._pending.waiting:
                        return
                    self._changed.wait()
                self._pending.take(spec, -1)
                self._placements[spec.run] = Placement(spec.run, "running")
            result = self._execute_one(spec)
            with self._changed:
                self._pending.take(spec, +1)
                self._pending.ended.add(spec.run)
                self._placements[spec.run] = Placement(spec.run, "ended")
                if isinstance(result, Unfinished) and not isinstance(result.error, IntegrityError):
                    for left in self._pending.waiting:
                        self._results.put(Unfinished(left.run, result.error))
                    self._pending.waiting.clear()
                self._changed.notify_all()
            self._results.put(result)

    def _execute_one(self, spec: RunSpec) -> RunRecord | Unfinished | BaseException:
        try:
            return self._runs.execute(spec)
        except NeurocaasError as error:
            return Unfinished(spec.run, error)
        except BaseException as error:  # noqa: BLE001 - raised in the collecting thread
            return error

    def _check_fits(self, spec: RunSpec) -> None:
        if spec.limits.cpus > self._cpus or spec.limits.memory > self._memory:
            raise BackendUnavailableError(
                f"the run asks for {spec.limits.cpus} processors and {spec.limits.memory:,} bytes"
                f" of memory; this machine offers {self._cpus} and {self._memory:,}",
                where=f"{spec.job}#{spec.run}",
                hint="run it on a larger machine, or lower `limits` of the step in the blueprint",
            )
