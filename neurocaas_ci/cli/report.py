"""`neurocaas report`: judge a pull request on GitHub, say so below it, merge it when nobody is needed.

This is the trusted side of a pull request: it runs main's code, reads the proposed commit as data,
and takes nothing from the run that judged it before but what rebuilding environments gave.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocaas_ci.cli.common import find_repo, repo_option, say
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.report.rebuilds import Rebuild

if TYPE_CHECKING:
    from neurocaas_ci.forges.github import GitHub
    from neurocaas_ci.forges.hosted import WorkflowRun

VALIDATE = ".github/workflows/validate.yml"
ARTIFACT, REBUILDS = "report", "rebuild.json"
_MAX_ARTIFACT = 8_000_000


@click.command("report", short_help="Report on a pull request on GitHub; merge it when it may be.")
@click.option(
    "--run", "run", type=click.IntRange(min=1), help="The run of validate.yml that ended."
)
@click.option("--pull", "pull", type=click.IntRange(min=1), help="A pull request by its number.")
@click.option(
    "--merge/--no-merge",
    default=True,
    help="Merge what needs nobody's approval.  [default: merge]",
)
@click.option("--dry-run", is_flag=True, help="Print the comment; write nothing to GitHub.")
@repo_option
def command(
    run: int | None, pull: int | None, repo: Path | None, *, merge: bool, dry_run: bool
) -> None:
    """Judge a pull request again, keep one comment and one check on it, and merge it when it may be.

    Merged is what the plan calls `auto` (own jobs, valid, within budget), when the files that GitHub
    lists are those that were judged, its head has not moved, and it has no label `hold`. GitHub is
    asked with GITHUB_TOKEN; GITHUB_REPOSITORY names the repository. Nothing of the pull request is
    run. Exits with 10 when something speaks against it.
    """
    from neurocaas_ci.cli.github_option import open_github
    from neurocaas_ci.cli.reporting import Reporter

    if (run is None) == (pull is None):
        raise UsageError("name either --run or --pull", hint="neurocaas report --pull 12 --dry-run")
    root = find_repo(repo)
    hub = open_github(root)
    rebuilds: tuple[Rebuild, ...] | None = None
    if run is not None:
        found = hub.run(run)
        _check(found)
        rebuilds = _rebuilds(hub, found)
        numbers = hub.pulls_of(found.head)
        if not numbers:
            say(f"no open pull request has the head {found.head[:12]} any more: nothing to do")
    else:
        numbers = [pull or 0]
    reporter = Reporter(hub, root, rebuilds, merge=merge, write=not dry_run)
    reports = [(number, reporter.on(number)) for number in numbers]
    unsound = [number for number, report in reports if report is not None and not report.sound]
    if unsound:
        raise FindingsError(
            f"something speaks against {', '.join(f'#{n}' for n in unsound)}",
            hint="the comment below the pull request says what, and how to mend it",
        )


def _check(run: WorkflowRun) -> None:
    if (run.path, run.event) != (VALIDATE, "pull_request") or run.status != "completed":
        raise UsageError(
            f"this is no finished run of {VALIDATE} for a pull request",
            where=f"run {run.id}",
            hint="`neurocaas report --pull NUMBER` needs no run",
        )


def _rebuilds(hub: GitHub, run: WorkflowRun) -> tuple[Rebuild, ...] | None:
    """Return what the run says of environments, or None when it says nothing that can be read."""
    try:
        archive = hub.artifact(run.id, ARTIFACT, _MAX_ARTIFACT)
        return None if archive is None else _read(archive)
    except UsageError as error:
        say(f"note: nothing is known of rebuilt environments: {error}")
        return None


def _read(archive: bytes) -> tuple[Rebuild, ...]:
    """Read the one document of an artifact that is used; raise UsageError when it is no such thing."""
    from neurocaas_ci.report.rebuilds import MAX_BYTES, read

    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files, files.open(REBUILDS) as stream:
            return read(stream.read(MAX_BYTES + 1))
    # Of a hostile archive `zipfile` raises a whole range of errors.
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, OSError, RuntimeError, zlib.error,
            NotImplementedError) as error:  # fmt: skip
        raise UsageError(f"the artifact cannot be read: {error}", where=ARTIFACT) from error
