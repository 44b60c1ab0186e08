"""What a reconcile is given by those who start it: who hears of it, and what makes executors; and what it gives."""

from __future__ import annotations

from typing import Protocol

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.executors.interface import Executor, Runs, Unfinished
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.run.resolve import ResolvedJob


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

    def note(self, text: str) -> None:
        """Hear what concerns no single run."""
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
