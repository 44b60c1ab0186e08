"""`neurocaas logs`: what the workflows of a job wrote."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from neurocaas_ci.cli.common import (
    fetch_option,
    find_repo,
    main_ref,
    open_home,
    repo_option,
    say,
)
from neurocaas_ci.cli.following import outlasting, pause
from neurocaas_ci.errors import UsageError
from neurocaas_ci.executors.submissions import read_submissions
from neurocaas_ci.model.places import job_id
from neurocaas_ci.model.run import RunRecord
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import select
from neurocaas_ci.run.status import read_record

_CHUNK = 1 << 20
_POLL_SECONDS = 0.3


@click.command("logs", short_help="Print what the workflows of a job wrote.")
@click.argument("job")
@click.option("--run", "only", help="Only this run (its id, as `status` shows it).")
@click.option("-f", "--follow", is_flag=True, help="Keep printing until the runs have ended.")
@repo_option
@fetch_option
def command(job: str, only: str | None, repo: Path | None, *, follow: bool, fetch: bool) -> None:
    """Print the logs of JOB, run after run, each line with its UTC time.

    Of a run on AWS Batch that has no result and is not under way, what its worker said follows. With
    NEUROCAAS_STORE it is what any machine with the same store has written; --follow also waits for
    a job that has not started.
    """
    repo = find_repo(repo)
    with GitTree(repo, main_ref(repo, fetch=fetch)) as head:
        name = job_id(select(head, [job])[0])
    home = open_home()
    runs = _runs(home, name, follow=follow)
    if only is not None:
        if only not in runs:
            raise UsageError(f"no run {only!r}", where=name, hint=f"runs: {', '.join(runs[:20])}")
        runs = [only]
    for run in runs:
        if len(runs) > 1:
            say(f"==> {run} <==")
        _print_log(home, name, run, follow=follow)


def _runs(home: Home, job: str, *, follow: bool) -> list[str]:
    """Return the runs of a job; whoever follows waits until it has started.

    Raise UsageError for a job that has none, or none yet.
    """
    told = False
    while True:
        plan, over = outlasting(lambda: _begun(home, job), follow=follow)
        if plan is not None:
            return [run for run, _ in records.decode_plan(plan)["runs"]]
        if over:
            raise UsageError(
                "the job was ended before it started, so nothing was written",
                where=job,
                hint="`neurocaas status` says why",
            )
        if not follow:
            raise UsageError(
                "the job has not started",
                where=job,
                hint="`neurocaas status` says why; --follow waits for it",
            )
        if not told:
            say("the job has not started; waiting for it")
        told = True
        pause(home, _POLL_SECONDS)


def _begun(home: Home, job: str) -> tuple[bytes | None, bool]:
    """Return the plan of a job, if it has one, and whether the job is over."""
    # In this order: what is over when it is asked for has its plan by then.
    over = home.state.read(records.job_key(job)) is not None
    return home.state.read(records.plan_key(job)), over


def _print_log(home: Home, job: str, run: str, *, follow: bool) -> None:
    """Print one log from its start; a live log is read on while it grows."""
    done = 0
    while True:
        # Looked at before reading: what was written until then is complete.
        record = outlasting(partial(read_record, home, job, run), follow=follow)
        stream = outlasting(partial(_open_log, home, job, run, record), follow=follow)
        if stream is not None:
            with stream:
                done = _print_from(stream, done)
        if record is not None or not follow:
            break
        pause(home, _POLL_SECONDS)
    if record is None and not home.state.held(records.run_key(job, run)):
        _print_engine_log(home, job, run)
    if record is not None and record.log is None and record.message:
        say(f"({record.status}: {record.message})")
    if record is not None and record.log is not None and record.log.dropped:
        say(f"({record.log.dropped:,} further bytes were over the log limit and not kept)")


def _print_engine_log(home: Home, job: str, run: str) -> None:
    """Print what the worker said, where an engine that keeps it was asked to run it."""
    submissions = read_submissions(home.state, job, "aws-batch")
    if not submissions:
        return
    from neurocaas_ci.cli.batch_settings import log_group
    from neurocaas_ci.executors.batch.client import Batch
    from neurocaas_ci.executors.batch.logs import worker_log

    for line in worker_log(Batch.connect(), submissions, run, log_group(home)):
        click.echo(line)


def _print_from(stream: BinaryIO, done: int) -> int:
    """Print what follows the first `done` bytes; return how many there are."""
    left = done
    while left and (skipped := stream.read(min(left, _CHUNK))):
        left -= len(skipped)
    done -= left
    while chunk := stream.read(_CHUNK):
        done += len(chunk)
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
    return done


def _open_log(home: Home, job: str, run: str, record: RunRecord | None) -> BinaryIO | None:
    """Open the stored log of an ended run, or the live one, if there is any."""
    if record is not None:
        return home.contents_of(job).open(record.log.sha256) if record.log is not None else None
    return home.logs.open(records.log_key(job, run))
