"""Wait for runs that an engine has: what all executors do whose runs go on without the runner."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import NamedTuple

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.executors.interface import Placement, Unfinished
from neurocaas_ci.model.run import RunRecord, RunSpec

_FIRST_PAUSE_S, _GROWTH = 0.5, 1.5
_PATIENCE_S = 600.0

Result = RunRecord | Unfinished


class Waiting(NamedTuple):
    """How to wait for an engine, which `engine` names for people.

    `poll` says how each run stands. `result` says what came of a run that the engine has ended, and
    for how many seconds that has been known; it returns None while that may still change.
    `looked` hears of every look, with the runs that have no result yet. With `wait` false one look
    is taken, and what is under way stays so. `slowest` is the longest pause, in seconds.
    """

    engine: str
    poll: Callable[[], Mapping[str, Placement]]
    result: Callable[[RunSpec, Placement, float], Result | None]
    say: Callable[[str], None]
    wait: bool
    slowest: float
    looked: Callable[[Mapping[str, RunSpec], Mapping[str, Placement]], None] = lambda _o, _s: None

    def collect(
        self, specs: Mapping[str, RunSpec], settled: Iterable[RunRecord]
    ) -> Generator[Result, None, None]:
        """Yield what was settled before, then one result for each other run, as they end.

        Raise BackendUnavailableError when the engine has not answered for ten minutes.
        """
        open_runs = dict(specs)
        try:
            for record in settled:
                open_runs.pop(record.run)
                yield record
            pause, ended_since = _FIRST_PAUSE_S, dict[str, float]()
            while open_runs:
                before = len(open_runs)
                standing = self._patiently()
                self.looked(open_runs, standing)
                for run, placement in standing.items():
                    if run not in open_runs or placement.state != "ended":
                        continue
                    now = time.monotonic()
                    since = ended_since.setdefault(run, now)
                    result = self.result(open_runs[run], placement, now - since)
                    if result is not None:
                        del open_runs[run]
                        yield result
                if not self.wait:
                    for run in list(open_runs):
                        del open_runs[run]
                        yield Unfinished(run, self._in_flight(run, standing[run]))
                pause = _FIRST_PAUSE_S if len(open_runs) < before else pause * _GROWTH
                if open_runs:
                    time.sleep(min(pause, self.slowest))
        finally:
            if open_runs:
                self.say(
                    f"{len(open_runs)} runs go on in {self.engine}; `neurocaas reconcile` takes them"
                    " up again, `neurocaas job cancel` ends them"
                )

    def _patiently(self) -> Mapping[str, Placement]:
        """Look how the runs stand; an engine that is away for a while disturbs nobody."""
        since = time.monotonic()
        while True:
            try:
                return self.poll()
            except BackendUnavailableError as error:
                if not self.wait or time.monotonic() - since > _PATIENCE_S:
                    raise
                self.say(f"  {error.message}; asking again")
                time.sleep(self.slowest)

    def _in_flight(self, run: str, placement: Placement) -> BackendUnavailableError:
        at = f" on {placement.machine}" if placement.machine else ""
        why = f": {placement.reason}" if placement.reason else ""
        return BackendUnavailableError(
            f"{placement.state} in {self.engine} as {placement.handle}{at}{why}",
            where=run,
            hint="`neurocaas reconcile` takes it up when it has ended",
        )
