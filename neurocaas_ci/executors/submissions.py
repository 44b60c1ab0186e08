"""What was given to an engine, written down before and after, so that a crash loses nothing."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from typing import NamedTuple

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.stores.interface import Claim, StateStore

_SCHEMA = "neurocaas/submissions/v1"


class Submission(NamedTuple):
    """An array that was, or may have been, given to the engine; task k is `runs[k]`.

    It is written without a `handle` before the engine is called, and with it afterwards. Its `name`
    is nobody else's, so what became of a call that was cut off can be asked. `time` is seconds
    since the epoch.
    """

    name: str
    runs: tuple[str, ...]
    time: float
    handle: str | None = None


def journal_key(job: str, engine: str) -> str:
    """Return where the submissions of a job are kept."""
    return f"jobs/{job}/{engine}/submissions.json"


def read_submissions(state: StateStore, job: str, engine: str) -> tuple[Submission, ...]:
    """Return what was written down, oldest first; raise IntegrityError when it is not that."""
    key = journal_key(job, engine)
    data = state.read(key)
    if data is None:
        return ()
    try:
        document = json.loads(data)
        rows = {_SCHEMA: document["submissions"]}[document["schema"]]
        return tuple(Submission(**{**row, "runs": tuple(row["runs"])}) for row in rows)
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"what was submitted for this job cannot be read: {error!r}",
            where=key,
            hint="look with the engine's own tools for its jobs, end them, and remove this document",
        ) from error


class Journal:
    """The submissions of one job to one engine, oldest first; change it only under its claim.

    It is empty until it is loaded.
    """

    def __init__(self, state: StateStore, job: str, engine: str) -> None:
        self._state, self._job, self._engine = state, job, engine
        self._submissions: tuple[Submission, ...] = ()

    @property
    def submissions(self) -> tuple[Submission, ...]:
        """What was submitted, as far as read."""
        return self._submissions

    def claim(self) -> AbstractContextManager[Claim | None]:
        """Hold the journal, so that one runner at a time submits."""
        return self._state.claim(f"jobs/{self._job}/{self._engine}", wait=True)

    def load(self) -> None:
        """Read again what is written down."""
        self._submissions = read_submissions(self._state, self._job, self._engine)

    def intend(self, name: str, runs: tuple[str, ...], claim: Claim | None) -> None:
        """Write down that the engine is about to be called."""
        self._write((*self._submissions, Submission(name, runs, time.time())), claim)

    def settle(self, name: str, handle: str | None, claim: Claim | None) -> None:
        """Write down the engine's handle, or with None that the call never reached it."""
        known = [
            s._replace(handle=handle) if s.name == name else s
            for s in self._submissions
            if s.name != name or handle is not None
        ]
        self._write(tuple(known), claim)

    def places(self) -> dict[str, str]:
        """Return the newest handle of each run: `<handle>_<number of the task>`."""
        return {
            run: f"{s.handle}_{task}"
            for s in self._submissions
            if s.handle is not None
            for task, run in enumerate(s.runs)
        }

    def attempts(self) -> dict[str, int]:
        """Return how often each run was submitted."""
        counts: dict[str, int] = {}
        for submission in self._submissions:
            for run in submission.runs:
                counts[run] = counts.get(run, 0) + 1
        return counts

    def _write(self, submissions: tuple[Submission, ...], claim: Claim | None) -> None:
        document = {"schema": _SCHEMA, "submissions": [s._asdict() for s in submissions]}
        key = journal_key(self._job, self._engine)
        self._state.write(key, json.dumps(document, indent=1).encode(), claim=claim)
        self._submissions = submissions
