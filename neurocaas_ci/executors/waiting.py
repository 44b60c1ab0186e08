"""Wait for runs that an engine has: what all executors do whose runs go on without the runner."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.interface import Placement, Unfinished
from neurocaas_ci.model.run import RunRecord, RunSpec

FIRST_PAUSE_S, GROWTH = 0.5, 1.5
PATIENCE_S = 600.0

Result = RunRecord | Unfinished


def _nobody(_open: Mapping[str, RunSpec], _standing: Mapping[str, Placement]) -> None:
    pass


class Waiting:
    """The runs that have no result yet, and how to wait for an engine, which `engine` names.

    `poll` says how each run stands. `result` says what came of a run that the engine has ended, and
    for how many seconds that has been known; it returns None while that may still change.
    `looked` hears of every look, with the runs that have no result yet. `slowest` is the longest
    pause, in seconds.
    """

    def __init__(
        self,
        engine: str,
        poll: Callable[[], Mapping[str, Placement]],
        result: Callable[[RunSpec, Placement, float], Result | None],
        say: Callable[[str], None],
        slowest: float,
        looked: Callable[[Mapping[str, RunSpec], Mapping[str, Placement]], None] = _nobody,
    ) -> None:
        self._engine, self._poll, self._result = engine, poll, result
        self._say, self._slowest, self._looked = say, slowest, looked
        self._open: dict[str, RunSpec] = {}
        self._settled: deque[RunRecord] = deque()
        self._ended_since: dict[str, float] = {}

    def begin(self, specs: Mapping[str, RunSpec], settled: Iterable[RunRecord]) -> None:
        """Wait for these runs; those that were settled before they began have their results."""
        self._open, self._settled = dict(specs), deque(settled)
        self._ended_since.clear()

    @property
    def idle(self) -> bool:
        """Tell whether every run has its result."""
        return not self._open

    def collect(self, *, wait: bool) -> Generator[Result, None, None]:
        """Yield what was settled before, then one result for each other run, as they end.

        Without `wait` look once; what is under way is yielded as that, and can be collected later.
        Raise BackendUnavailableError when the engine does not answer; with `wait` it is asked again
        for ten minutes.
        """
        while self._settled:
            record = self._settled.popleft()
            self._open.pop(record.run)
            yield record
        if not self._open:
            return
        if not wait:
            standing = self._poll()
            yield from self._ended(standing)
            for run in list(self._open):
                yield Unfinished(run, self._in_flight(run, standing[run]), under_way=True)
            return
        try:
            pause = FIRST_PAUSE_S
            while self._open:
                before = len(self._open)
                yield from self._ended(self._patiently())
                pause = FIRST_PAUSE_S if len(self._open) < before else pause * GROWTH
                if self._open:
                    time.sleep(min(pause, self._slowest))
        finally:
            if self._open:
                self._say(
                    f"{len(self._open)} runs go on in {self._engine}; `neurocaas reconcile` takes"
                    " them up again, `neurocaas job cancel` ends them"
                )

    def _ended(self, standing: Mapping[str, Placement]) -> Generator[Result, None, None]:
        """Yield the results that there are now."""
        self._looked(self._open, standing)
        for run, placement in standing.items():
            if run not in self._open or placement.state != "ended":
                continue
            now = time.monotonic()
            since = self._ended_since.setdefault(run, now)
            result = self._result(self._open[run], placement, now - since)
            if result is not None:
                del self._open[run]
                yield result

    def _patiently(self) -> Mapping[str, Placement]:
        """Look how the runs stand; an engine that is away for a while disturbs nobody."""
        since = time.monotonic()
        while True:
            try:
                return self._poll()
            except BackendUnavailableError as error:
                if time.monotonic() - since > PATIENCE_S:
                    raise
                self._say(f"  {error.message}; asking again")
                time.sleep(self._slowest)

    def _in_flight(self, run: str, placement: Placement) -> BackendUnavailableError:
        at = f" on {placement.machine}" if placement.machine else ""
        why = f": {placement.reason}" if placement.reason else ""
        return BackendUnavailableError(
            f"{placement.state} in {self._engine} as {placement.handle}{at}{why}",
            where=run,
            hint="`neurocaas reconcile` takes it up when it has ended",
        )
