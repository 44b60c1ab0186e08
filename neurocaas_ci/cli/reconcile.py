"""`neurocaas reconcile` (alias `run`): carry merged jobs to their end on this machine."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from neurocaas_ci.build.images import Images
from neurocaas_ci.cli.admission import Admission
from neurocaas_ci.cli.choices import chosen_executor, chosen_signer
from neurocaas_ci.cli.common import fetch_option, find_repo, open_home, open_main, repo_option, say
from neurocaas_ci.cli.conclude import Concluder, raise_uncertified
from neurocaas_ci.cli.executor_option import check_store, executor_maker, executor_options
from neurocaas_ci.cli.github_option import lend_credentials
from neurocaas_ci.cli.progress import make_observer
from neurocaas_ci.cli.removing import remove_asked
from neurocaas_ci.cli.signers import SignerKind, signer_options
from neurocaas_ci.cli.without_identity import check_place
from neurocaas_ci.errors import BackendUnavailableError, RunError
from neurocaas_ci.model.places import job_id
from neurocaas_ci.model.registry import ExecutorKind
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.observer import Outcome
from neurocaas_ci.run.pending import (
    Merged,
    in_merge_order,
    manifests,
    of_group,
    select,
    uncertified,
    unfinished,
)
from neurocaas_ci.run.reconcile import Reconciler
from neurocaas_ci.run.sandbox import Sandbox

if TYPE_CHECKING:
    from neurocaas_ci.cli.holding import Holding
    from neurocaas_ci.cli.job_checks import JobChecks
    from neurocaas_ci.registry.git import GitTree


@click.command("reconcile", short_help="Run every merged job that has no result yet.")
@click.argument("jobs", nargs=-1)
@repo_option
@fetch_option
@click.option("--verify", is_flag=True, help="Also read all outputs of finished jobs again.")
@click.option("--no-cache", is_flag=True, help="Compute runs even if an identical one is known.")
@click.option(
    "--isolation",
    type=click.Choice(["sandbox", "none"]),
    default="sandbox",
    show_default=True,
    help="`none` runs workflows without a sandbox; the record says so.",
)
@click.option("--cpus", type=click.IntRange(min=1), help="Processors to use (default: all).")
@click.option(
    "--certify/--no-certify",
    default=True,
    help="Sign each ended job's certificate and bring it onto main.  [default: certify]",
)
@click.option(
    "--checks",
    is_flag=True,
    help="Keep a check on GitHub for each job, on the commit that merged it.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take environments from what `neurocaas prepare` wrote into this folder, and build none.",
)
@executor_options
@signer_options
def command(
    jobs: tuple[str, ...],
    repo: Path | None,
    *,
    images: Path | None,
    fetch: bool,
    verify: bool,
    no_cache: bool,
    isolation: Literal["sandbox", "none"],
    cpus: int | None,
    certify: bool,
    checks: bool,
    executor: ExecutorKind | None,
    wait: bool,
    signer: SignerKind | None,
    trust_config: Path | None,
) -> None:
    """Carry every merged job without a certificate to its end (or only the named JOBS).

    A job that a budget could not bear when it was merged is ended without a run, and certified so;
    `neurocaas budget` shows why.

    Runs are executed in a sandbox on this machine, as many at once as it and the job allow, or on a
    cluster. It may be interrupted at any time: what has ended is kept, runs on a cluster go on, and
    the next call goes on from there. Exits
    with 12 when a job failed, with 16 when one waits for something outside, and with 13 or 16 when
    a certificate could not be made; `neurocaas certify` then finishes that.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    repo = find_repo(repo)
    lend_credentials(repo)
    ref, main = open_main(repo, fetch=fetch)
    with main as head:
        home = open_home(sandboxed=True)
        engine = chosen_executor(executor, head)
        check_place(engine, home.store, os.environ)
        check_store(engine, home.store)
        # Before anything runs: nobody wants to learn after hours that this machine cannot sign.
        by = chosen_signer(signer, trust_config, head, home) if certify else None
        conclude = Concluder(repo, ref, head.commit, home, *by) if by else None
        wanted = select(head, jobs) if jobs else manifests(head)
        open_jobs = set(wanted) & set(unfinished(head, home.state))
        # Named ones of another group are refused later, in words.
        paths = open_jobs if jobs else set(of_group(head, open_jobs, home.group))
        if verify:
            finished = [path for path in wanted if path not in paths]
            paths |= _damaged(home, finished)
        # Their results were kept when signing or publishing failed, or when it was not wanted.
        ended = set(wanted) & set(uncertified(head, home.state)) - paths if conclude else set()
        if not paths and not ended:
            say("nothing to do: every merged job has a result")
            _clear_up(repo, ref, home, engine)
            return
        outcomes = conclude.outcomes([job_id(path) for path in sorted(ended)]) if conclude else []
        if paths:
            count = cpus or len(os.sched_getaffinity(0))
            observer = make_observer(home, live=engine == "local")
            merged = in_merge_order(repo, head.commit, paths)
            shown = _checks(repo, home, merged) if checks else None
            reconciler = Reconciler(
                repo=repo,
                head=head,
                home=home,
                images=Images(home.cache, say, images),
                # A cluster's nodes sandbox; the machine that submits may not be able to.
                sandbox=Sandbox.probe(isolation if engine == "local" else "none", home.scratch),
                make_executor=executor_maker(
                    engine,
                    home,
                    head,
                    cpus=count,
                    isolation=isolation,
                    hold=_holding(repo, head, home) if engine == "aws-batch" else None,
                ),
                cpus=count,
                observer=observer,
                refusal=Admission(repo, head),
                ref=ref,
                use_cache=not no_cache,
                conclude=conclude,
                wait=wait,
            )
            try:
                ended_now = reconciler.reconcile(merged)
                outcomes += conclude.finish(ended_now) if conclude else ended_now
            finally:
                observer.close()
                if shown is not None:
                    shown.close()
    _clear_up(repo, ref, home, engine)
    _report(outcomes)


def _clear_up(repo: Path, ref: str, home: Home, engine: ExecutorKind) -> None:
    """Let go of what jobs need no more that are certified on main as it is now."""
    remove_asked(repo, ref, home)
    if engine == "aws-batch":
        from neurocaas_ci.registry.git import GitTree

        with GitTree(repo, ref) as head:
            _holding(repo, head, home).release()


def _holding(repo: Path, head: GitTree, home: Home) -> Holding:
    from neurocaas_ci.cli.holding import Holding

    return Holding(repo, head, home.state)


def _checks(repo: Path, home: Home, merged: Sequence[Merged]) -> JobChecks | None:
    """Begin to show the jobs on GitHub; None when it is out of reach, which stops no run."""
    from neurocaas_ci.cli.github_option import open_github
    from neurocaas_ci.cli.job_checks import JobChecks, links_in

    try:
        hub = open_github(repo)
    except BackendUnavailableError as error:
        say(f"note: there will be no checks on GitHub: {error.message}")
        return None
    checks = JobChecks(hub, home, merged, links_in(os.environ, hub.address.repository))
    checks.start()
    return checks


def _damaged(home: Home, paths: Sequence[str]) -> set[str]:
    """Read all outputs of finished jobs again; return the manifests of those that lost some."""
    from neurocaas_ci.run.verify import damaged_runs

    broken = {path for path in paths if damaged_runs(home, job_id(path))}
    say(f"verified {len(paths)} finished jobs: {len(paths) - len(broken)} are intact")
    for path in sorted(broken):
        say(f"{job_id(path)}: outputs are missing or damaged, so these runs are done again")
    return broken


def _report(outcomes: list[Outcome]) -> None:
    raise_uncertified(outcomes)
    counts = Counter(outcome.status for outcome in outcomes)
    if counts["failed"]:
        raise RunError(
            f"{counts['failed']} of {len(outcomes)} jobs failed",
            hint="`neurocaas status JOB` says which runs, `neurocaas logs JOB` what they wrote",
        )
    if counts["waiting"]:
        raise BackendUnavailableError(
            f"{counts['waiting']} of {len(outcomes)} jobs could not be finished now",
            hint="mend what is named above and run `neurocaas reconcile` again",
        )
