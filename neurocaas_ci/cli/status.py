"""`neurocaas status`: where jobs and their runs stand."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocaas_ci.cli.common import (
    fetch_option,
    find_repo,
    human_cost,
    human_time,
    main_ref,
    open_home,
    repo_option,
    say,
)
from neurocaas_ci.cli.following import outlasting, pause
from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.executors.interface import Placement
from neurocaas_ci.executors.submissions import journal_key
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import Merged, in_merge_order, manifests, of_group, select
from neurocaas_ci.run.status import JobView, RunView, view_job, view_jobs

if TYPE_CHECKING:
    from neurocaas_ci.executors.batch.client import Batch

_BAR = 20
_FOLLOW_SECONDS = 1.0
_ENDED = {"succeeded", "failed", "cancelled"}


@click.command("status", short_help="Show where jobs and their runs stand.")
@click.argument("job", required=False)
@repo_option
@fetch_option
@click.option("-f", "--follow", is_flag=True, help="Keep showing until the job has ended.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def command(job: str | None, repo: Path | None, style: str, *, fetch: bool, follow: bool) -> None:
    """Show all jobs, or one JOB run by run, with its place in the queue, progress and reasons.

    With NEUROCAAS_STORE it is what any machine with the same store has written, as it grows.
    """
    repo = find_repo(repo)
    ref = main_ref(repo, fetch=fetch)
    home = open_home()
    with GitTree(repo, ref) as head:
        mine = of_group(head, manifests(head), home.group)
        every = in_merge_order(repo, head.commit, mine)
        chosen = set(select(head, [job])) if job else None
    if chosen is not None and not chosen & set(mine):
        raise UsageError(
            f"the job is not of group {home.group}",
            where=job or "",
            hint="NEUROCAAS_GROUP says whose store is looked at",
        )
    while True:
        views = outlasting(lambda: _views(home, every, chosen), follow=follow)
        if style == "json":
            click.echo(json.dumps(_document(views), indent=2))
        elif job:
            _show(_job_text(views[0]), redraw=follow)
        else:
            _show(_table(views), redraw=follow)
        if not follow or all(view.state in _ENDED for view in views):
            return
        pause(home, _FOLLOW_SECONDS)


def _views(home: Home, every: list[Merged], chosen: set[str] | None) -> list[JobView]:
    standing = _Engines(home).standing
    views = view_jobs(home, every, standing)
    if chosen is None:
        return views
    waiting = {view.id: view.position or 0 for view in views}
    return [view_job(home, m, waiting[m.id], standing) for m in every if m.path in chosen]


class _Engines:
    """Ask the engine that has runs of a job how they stand; each is opened when it is needed."""

    def __init__(self, home: Home) -> None:
        self._state = home.state
        self._batch: Batch | None = None

    def standing(self, job: str) -> Mapping[str, Placement]:
        """Return how the runs of a job stand with an engine; say so when it does not answer."""
        for name, ask in (("Slurm", self._slurm), ("AWS Batch", self._aws_batch)):
            try:
                if (found := ask(job)) is not None:
                    return found
            except BackendUnavailableError as error:
                say(f"note: how {job} stands with {name} is not known: {error.message}")
        return {}

    def _slurm(self, job: str) -> Mapping[str, Placement] | None:
        if self._state.read(journal_key(job, "slurm")) is None:
            return None
        from neurocaas_ci.executors.slurm_client import SlurmCommands
        from neurocaas_ci.executors.slurm_standing import standing

        return standing(self._state, SlurmCommands(), job)

    def _aws_batch(self, job: str) -> Mapping[str, Placement] | None:
        if self._state.read(journal_key(job, "aws-batch")) is None:
            return None
        from neurocaas_ci.executors.batch.client import Batch
        from neurocaas_ci.executors.batch.standing import standing

        self._batch = self._batch or Batch.connect()
        return standing(self._state, self._batch, job)


def _show(lines: list[str], *, redraw: bool) -> None:
    if redraw and sys.stdout.isatty():
        click.clear()
    click.echo("\n".join(lines))


def _table(views: list[JobView]) -> list[str]:
    if not views:
        return ["no jobs have been merged yet; `neurocaas job new BLUEPRINT@VERSION` makes one"]
    rows = [("JOB", "STATE", "RUNS", "AGE", "COST", "")]
    for view in views:
        done = f"{view.count('succeeded')}/{len(view.runs)}" if view.runs else "-"
        cost = "-" if view.cost_usd is None else human_cost(view.cost_usd)
        note = view.message.partition("\n")[0]
        if view.position is not None and view.state == "queued":
            note = f"number {view.position + 1} in the queue"
        rows.append((view.id, view.state, done, human_time(view.age), cost, note))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return [
        "  ".join([*(c.ljust(w) for c, w in zip(row[:5], widths, strict=True)), row[5]]).rstrip()
        for row in rows
    ]


def _job_text(view: JobView) -> list[str]:
    lines = [f"{view.id}  {view.state}  {view.blueprint}  merged {human_time(view.age)} ago"]
    if view.position is not None:
        lines.append(f"  {view.position} jobs are before it")
    if view.cost_usd is not None:
        lines.append(f"  cost {human_cost(view.cost_usd)}")
    if view.message:
        lines.append(f"  {view.message}")
    width = max((len(run.run) for run in view.runs), default=0)
    names = max((len(run.dataset) for run in view.runs), default=0)
    lines.extend(
        f"  {run.run.ljust(width)}  {run.dataset.ljust(names)}  {run.state:<11} "
        f"{_bar(run)}  {human_time(run.seconds):>9}  {run.message}".rstrip()
        for run in view.runs
    )
    return lines


def _bar(run: RunView) -> str:
    if run.fraction is None:
        return " " * (_BAR + 2)
    full = round(run.fraction * _BAR)
    return f"[{'#' * full}{'.' * (_BAR - full)}]"


def _document(views: list[JobView]) -> dict[str, object]:
    return {
        "schema": "neurocaas/status/v1",
        "jobs": [
            {
                "job": view.id,
                "blueprint": view.blueprint,
                "state": view.state,
                "queue_position": view.position,
                "age_s": round(view.age),
                "message": view.message,
                "cost_usd": view.cost_usd,
                "runs": [
                    {name: getattr(run, name) for name in RunView.__slots__} for run in view.runs
                ],
            }
            for view in views
        ],
    }
