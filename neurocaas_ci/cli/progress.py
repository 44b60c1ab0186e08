"""How a reconcile shows itself: lines everywhere, live bars on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neurocaas_ci.cli.common import human_time, on_terminal, say
from neurocaas_ci.executors.interface import Unfinished
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.resolve import ResolvedJob

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_FEW = 20
_QUIET_SECONDS = 5.0
_REFRESH_SECONDS = 0.25
_SHOWN_RUNS = 8


def make_observer(home: Home, *, live: bool = True) -> Lines | LiveBars:
    """Return live bars when stderr is a terminal and rich is installed, else plain lines.

    Bars are those of one job at a time: where jobs run beside each other, `live` is false.
    """
    if live and on_terminal():
        try:
            return LiveBars(home)
        except ImportError:
            pass
    return Lines()


class _Count:
    """What was said of the runs of one job."""

    def __init__(self, total: int = 0, done: int = 0) -> None:
        self.total = total
        self.done = done
        self.bad = 0
        self.taken = 0


class Lines:
    """One line per run of a small job; for a large one a line every few seconds.

    Several jobs may be under way at once.
    """

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._unfinished = 0
        self._spoke = 0.0

    def job_started(self, job: ResolvedJob, done: int) -> None:
        """Say what is taken up."""
        self._unfinished = 0
        plan = job.plan
        self._counts[plan.job] = _Count(len(job.specs), done)
        before = f", {done} done before" if done else ""
        say(f"{plan.job}: {plan.blueprint}@{plan.version}, {len(job.specs)} runs{before}")
        self._spoke = time.monotonic()

    def run_ended(self, record: RunRecord) -> None:
        """Say how a run ended."""
        count = self._counts.setdefault(record.job, _Count())
        count.done += 1
        count.taken += record.taken_from is not None
        bad = record.status != "succeeded"
        count.bad += bad
        if count.total <= _FEW or (bad and count.bad <= _FEW):
            say(f"  {count.done}/{count.total} {describe(record)}")
        elif time.monotonic() - self._spoke > _QUIET_SECONDS:
            say(f"  {count.done}/{count.total} done, {count.bad} not succeeded")
        else:
            return
        self._spoke = time.monotonic()

    def run_unfinished(self, problem: Unfinished) -> None:
        """Say why a run has no record; of many runs only for the first ones."""
        self._unfinished += 1
        if self._unfinished <= _FEW:
            say(f"  {problem.run} unfinished: {problem.error}")

    def job_ended(self, job: str, status: str, message: str) -> None:
        """Say how the job ended."""
        say(conclusion(job, status, message, self._counts.get(job, _Count()).taken))

    def note(self, text: str) -> None:
        """Say what concerns no single run."""
        say(text)

    def close(self) -> None:
        """End, however the reconcile ended: nothing is open."""


class LiveBars:
    """A bar for the job and one for each run under way, with its own progress lines."""

    def __init__(self, home: Home) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._home = home
        self._console = Console(stderr=True)
        self._make: Callable[[], Progress] = lambda: Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._progress: Progress | None = None
        self._job: TaskID | None = None
        self._bars: dict[str, Any] = {}
        self._open: list[str] = []
        self._name = ""
        self._taken = 0
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def job_started(self, job: ResolvedJob, done: int) -> None:
        """Open the bars of a job."""
        self._name, self._taken = job.plan.job, 0
        self._open = [spec.run for spec in job.specs]
        self._bars = {}
        self._progress = self._make()
        self._progress.start()
        self._job = self._progress.add_task(
            f"[bold]{job.plan.job}[/]", total=len(job.specs), completed=done, note=""
        )
        self._done.clear()
        self._thread = threading.Thread(target=self._refresh, daemon=True)
        self._thread.start()

    def run_ended(self, record: RunRecord) -> None:
        """Advance the job and say how the run ended."""
        self._taken += record.taken_from is not None
        if self._progress is None or self._job is None:
            return
        with self._lock:
            if record.run in self._open:
                self._open.remove(record.run)
            if record.run in self._bars:
                self._progress.remove_task(self._bars.pop(record.run))
        self._progress.advance(self._job)
        self._console.print(f"  {describe(record)}", highlight=False, markup=False)

    def run_unfinished(self, problem: Unfinished) -> None:
        """Say why a run has no record."""
        self._console.print(f"  {problem.run} unfinished: {problem.error}", markup=False)

    def job_ended(self, job: str, status: str, message: str) -> None:
        """Close the bars and say how the job ended."""
        self.close()
        say(conclusion(job, status, message, self._taken))

    def note(self, text: str) -> None:
        """Say what concerns no single run."""
        self._console.print(text, highlight=False, markup=False)

    def close(self) -> None:
        """Remove the bars and give the cursor back, however the reconcile ended."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        if self._progress is not None:
            self._progress.stop()

    def _refresh(self) -> None:
        while not self._done.wait(_REFRESH_SECONDS):
            with self._lock:
                for run in self._open:
                    self._show(run)

    def _show(self, run: str) -> None:
        from neurocaas_ci.run.progress import last_progress

        log = self._home.logs.path(records.log_key(self._name, run))
        if self._progress is None or not log.exists():
            return
        fraction, note = last_progress(log) or (None, "")
        if run not in self._bars:
            if len(self._bars) >= _SHOWN_RUNS:
                return
            self._bars[run] = self._progress.add_task(f"  {run}", total=None, note="")
        self._progress.update(
            self._bars[run],
            total=None if fraction is None else 1.0,
            completed=fraction or 0.0,
            note=note.replace("[", "\\["),
        )


def describe(record: RunRecord) -> str:
    """Return one line about an ended run."""
    if record.taken_from:
        return (
            f"{record.run} {record.status}: same computation as {record.taken_from}, not repeated"
        )
    tail = f": {record.message}" if record.message else ""
    return f"{record.run} {record.status} in {human_time(record.usage.wall_s)}{tail}"


def conclusion(job: str, status: str, message: str, taken: int) -> str:
    """Return the last line about a job."""
    reused = f" ({taken} runs taken from earlier identical ones)" if taken else ""
    return f"{job}: {status}{reused}" + (f"\n  {message}" if message else "")
