"""The executor port: place runs on machines; what a run does is the worker's business."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.registry import Pricing
from neurocaas_ci.model.run import RunRecord, RunSpec

PlacementState = Literal["queued", "running", "ended"]


class Capabilities(NamedTuple):
    """What an executor offers: processors and memory (bytes) for runs at once; 0 where nobody knows.

    The runs of a `detached` executor go on when the process that submitted them ends; another
    process that submits the same graph finds them again. Such an engine may be left alone for up
    to `pause` seconds between two looks. One that `charges` keeps what every attempt of a run has
    cost, and so wants to see runs to their end that have a record already.
    """

    name: str
    cpus: int
    memory: int
    detached: bool = False
    pause: float = 0.0
    charges: bool = False


class RunGraph(NamedTuple):
    """The runs of one job that have no record yet, in the order of its protocol.

    A run that is needed but not in `specs` has a record. At most `max_parallel` run at once.
    `pricing` is the job's: `standard`, or `save` for machines that may be reclaimed; `prices` are the
    US dollars per hour that were agreed for its steps, where not those of the hardware today.
    `done` are runs that have a record: an executor that charges may have to account for some of
    them, and yields the records of those once more.
    """

    job: str
    specs: Sequence[RunSpec]
    max_parallel: int
    pricing: Pricing = "standard"
    prices: Mapping[str, float] | None = None
    done: Sequence[RunSpec] = ()


class Placement(NamedTuple):
    """Where a run stands with the engine.

    `machine` and `handle` are the engine's own names (`n7`, `4211_3`); `reason` says in words why a
    queued run waits, or how one ended that the engine ended. `attempt` counts from 1.
    """

    run: str
    state: PlacementState
    reason: str = ""
    machine: str = ""
    handle: str = ""
    attempt: int = 1


class Unfinished(NamedTuple):
    """A run without a record: it ended so, because of its inputs or of the machine.

    One that is `under_way` has not ended: the engine has it, and `error` says where.
    """

    run: str
    error: NeurocaasError
    under_way: bool = False


class Runs(Protocol):
    """What an executor needs to know of runs; the worker of the submitting machine tells it."""

    def execute(self, spec: RunSpec) -> RunRecord:
        """Run the spec in this process, unless that has been done, and return its record."""
        ...

    def finished(self, spec: RunSpec) -> RunRecord | None:
        """Return the record of an ended run, or None."""
        ...

    def settle(self, spec: RunSpec) -> RunRecord | None:
        """Record a run that shall not start any more, as skipped or cancelled; else None.

        That is so when a run that it needs failed, or when the job was cancelled.
        """
        ...

    def reuse(self, spec: RunSpec) -> RunRecord | None:
        """Record a run as taken from an identical earlier one, if there is any; else None.

        An executor whose workers reach nothing of other jobs asks before it starts them.
        """
        ...

    def interrupt(self) -> None:
        """End the runs that this process executes, without records; they can be started again."""
        ...


class Executor(Protocol):
    """Run the graph of one job; a run starts when all runs that it needs have succeeded."""

    def capabilities(self) -> Capabilities:
        """Say how much can run at once."""
        ...

    def submit(self, graph: RunGraph) -> None:
        """Accept the whole graph; what another process submitted of it is not submitted again.

        Raise BackendUnavailableError when the engine cannot be reached, or when a run can never fit.
        """
        ...

    def poll(self) -> Mapping[str, Placement]:
        """Say, by run, how each submitted run stands with the engine now."""
        ...

    def cancel(self) -> None:
        """End what is under way and start nothing more; `collect` still yields each run."""
        ...

    def collect(self, *, wait: bool = True) -> Generator[RunRecord | Unfinished, None, None]:
        """Yield one result for each submitted run, as they end.

        With `wait` false a detached executor looks once, and yields what is under way as such; it
        can be asked again for those, so that one process can attend to many jobs. Closing it early
        ends what is under way, except on a detached executor.
        """
        ...
