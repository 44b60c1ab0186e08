"""Keep a check on GitHub for every job that a reconcile carries, while it runs and when it has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from neurocaas_ci.cli.common import human_cost, say
from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError
from neurocaas_ci.forges.hosted import Check, CheckStatus, Hub
from neurocaas_ci.model.places import certificate_path
from neurocaas_ci.report.job_check import RunLine, job_check
from neurocaas_ci.report.plain import printable
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.status import JobView, view_job

# GitHub takes 80 writes a minute and 500 an hour of one client ("secondary rate limits").
PAUSE_SECONDS = 15.0
_MOST_UPDATES = 200
# An update that is not answered has been tried for half a minute.
_MOST_UNANSWERED = 2
_LOG_BYTES = 4_000
_RUNNING = {"running", "interrupted"}


class JobChecks:
    """Brings checks up to date from a thread of its own; GitHub out of reach never stops a run."""

    def __init__(
        self,
        hub: Hub,
        home: Home,
        jobs: Sequence[Merged],
        links_of: Callable[[str], Mapping[str, str]] = lambda _: {},
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._hub = hub
        self._home = home
        self._jobs = list(jobs)
        self._links_of = links_of
        self._pause = pause
        self._said: dict[str, Check] = {}
        self._updates = 0
        self._quiet = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Say that the jobs are queued, and go on from a thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and say how each job ended."""
        self._done.set()
        self._thread.join()
        self._update(last=True)

    def _follow(self) -> None:
        self._update(last=False)
        while not self._done.wait(self._pause):
            self._update(last=False)

    def _update(self, *, last: bool) -> None:
        unanswered = 0
        for merged in self._jobs:
            if (self._done.is_set() and not last) or unanswered == _MOST_UNANSWERED:
                return
            try:
                check = self._check(view_job(self._home, merged))
            except (NeurocaasError, OSError, ValueError, KeyError, TypeError):
                # What is wrong with the records of a job is for the run to say.
                continue
            ended = check.status == "completed"
            known = self._said.get(merged.id)
            if check == known or (known is not None and known.status == "completed"):
                continue
            # What is said last is worth most: the allowance of the hour is kept for it.
            if self._updates >= _MOST_UPDATES and not ended:
                continue
            self._updates += 1
            try:
                self._hub.check(merged.commit, check)
            except NeurocaasError as error:
                self._complain(error)
                unanswered += isinstance(error, BackendUnavailableError)
            else:
                self._said[merged.id] = check

    def _check(self, view: JobView) -> Check:
        runs = [RunLine(r.run, r.state, r.fraction, r.seconds, r.message) for r in view.runs]
        cost = "" if view.cost_usd is None else human_cost(view.cost_usd)
        shown = job_check(
            view.id,
            view.state,
            runs,
            cost=cost,
            message=view.message,
            log=self._log(view),
            links=self._links_of(view.id),
        )
        status: CheckStatus = "queued" if shown.queued else "in_progress"
        if shown.conclusion:
            status = "completed"
        return Check(
            f"job {view.id}", view.id, status, shown.title, shown.summary, shown.conclusion
        )  # fmt: skip

    def _log(self, view: JobView) -> str:
        """Return the end of the log of a failed run, or of one that is at work."""
        states = {"failed"} if view.state == "failed" else _RUNNING
        run = next((run.run for run in view.runs if run.state in states), None)
        if run is None:
            return ""
        try:
            stream = self._home.logs.open(records.log_key(view.id, run))
        except NeurocaasError:
            return ""
        if stream is None:
            return ""
        with stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - _LOG_BYTES))
            text = stream.read(_LOG_BYTES).decode("utf-8", "replace")
        return "\n".join(printable(line) for line in text.splitlines())

    def _complain(self, error: NeurocaasError) -> None:
        if not self._quiet:
            say(f"note: the checks on GitHub are not up to date: {error.message}")
        self._quiet = True


def links_in(environment: Mapping[str, str], repository: str) -> Callable[[str], Mapping[str, str]]:
    """Return what a job's check links to: the run of the workflow, and where its certificate will be."""
    server = environment.get("GITHUB_SERVER_URL", "https://github.com")
    run = environment.get("GITHUB_RUN_ID")

    def links(job: str) -> Mapping[str, str]:
        found = {"the workflow run": f"{server}/{repository}/actions/runs/{run}"} if run else {}
        found["the certificate, once it is signed"] = (
            f"{server}/{repository}/blob/main/{certificate_path(job)}"
        )
        return found

    return links
