"""The executor port: place runs on machines; what a run does is the worker's business."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.run import RunRecord, RunSpec

Execute = Callable[[RunSpec], RunRecord]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an executor offers: processors and memory (bytes) for runs at once."""

    name: str
    cpus: int
    memory: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that ended without a record, because of its inputs or of the machine."""

    run: str
    error: NeurocaasError


class Executor(Protocol):
    """Run a graph of specs; a spec starts when all runs that it needs have a record."""

    def capabilities(self) -> Capabilities:
        """Say how much can run at once."""
        ...

    def submit(self, specs: Sequence[RunSpec], max_parallel: int) -> None:
        """Accept a whole graph of runs of one job."""
        ...

    def collect(self) -> Iterator[RunRecord | Unfinished]:
        """Yield one result for each submitted run, as they end."""
        ...

    def close(self) -> None:
        """Start nothing more and wait for what is under way."""
        ...
