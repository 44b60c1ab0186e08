"""`neurocaas usage`: what the platform was used for, by parallelism, by month and by analysis."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, on_terminal, repo_option, say
from neurocaas_ci.errors import BackendUnavailableError, UsageError

if TYPE_CHECKING:
    from neurocaas_ci.model.usage import UsageReport, UsageScope

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_SPEAK_AFTER, _SPEAK_EVERY = 2.0, 0.2
_NAMED = 20


def _month(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _MONTH.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a month as in 2026-11")
    return value


@click.command("usage", short_help="Show jobs and compute hours of a registry.")
@repo_option
@fetch_option
@click.option(
    "--since", metavar="YYYY-MM", callback=_month, help="Only jobs of this month and later."
)
@click.option(
    "--until", metavar="YYYY-MM", callback=_month, help="Only jobs of this month and earlier."
)
@click.option("--user", metavar="LOGIN", help="Only jobs of this user.")
@click.option("--analysis", metavar="NAME", help="Only jobs of this analysis, all versions.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--png",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also draw a figure into this file (needs the extra `plot`).",
)
def command(
    repo: Path | None,
    since: str | None,
    until: str | None,
    user: str | None,
    analysis: str | None,
    style: str,
    png: Path | None,
    *,
    fetch: bool,
) -> None:
    """Add up what the certificates on main say that jobs used.

    Three tables: by parallelism (datasets per job), by month, by analysis. Compute hours are the
    wall time of all runs of a job. A job belongs to the month in its path; a user is new in the
    month of the first job, whatever is selected.

    Signatures are NOT verified here: `neurocaas audit` does that.
    """
    if since and until and since > until:
        raise UsageError(
            "nothing can be selected: --since is later than --until",
            where=f"--since {since} --until {until}",
            hint="exchange the two",
        )
    draw = _figure(png) if png else None
    repo = find_repo(repo)

    from neurocaas_ci.audit.harvest import certificates, finished_jobs, first_months
    from neurocaas_ci.audit.usage import summarise
    from neurocaas_ci.model.usage import UsageScope
    from neurocaas_ci.registry.git import GitTree
    from neurocaas_ci.report.usage import as_json, as_text

    unreadable = _Unreadable()
    with GitTree(repo, main_ref(repo, fetch=fetch)) as main:
        every = certificates(main)
        joined = first_months(job for job, _ in every)
        chosen = [(job, file) for job, file in every if _selected(job, since, until, user)]
        progress = _Progress(len(chosen))
        jobs = finished_jobs(main, chosen, unreadable=unreadable, progress=progress)
        try:
            report = summarise(
                (job for job in jobs if analysis is None or job.analysis == analysis), joined
            )
        finally:
            progress.close()
    unreadable.tell()
    scope = UsageScope(
        main.commit, since, until, user, analysis, tuple(unreadable.first), unreadable.count
    )
    if png and draw:
        _write(png, draw(report, scope))
    click.echo((as_json if style == "json" else as_text)(report, scope), nl=False)


def _selected(job: str, since: str | None, until: str | None, user: str | None) -> bool:
    login, month, _ = job.split("/")
    return (
        (since is None or month >= since)
        and (until is None or month <= until)
        and (user is None or login == user)
    )


class _Unreadable:
    """Counts the certificates that say nothing, and keeps the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[tuple[str, str]] = []

    def __call__(self, path: str, reason: str) -> None:
        self.count += 1
        if self.count <= _NAMED:
            self.first.append((path, reason))

    def tell(self) -> None:
        """Name them on stderr."""
        from neurocaas_ci.report.plain import printable

        for path, reason in self.first:
            say(f"not counted: {printable(path)}: {printable(reason)}")
        if self.count > len(self.first):
            say(f"not counted: {self.count - len(self.first):,} more")
        if self.count:
            say("  hint: `neurocaas audit` says what is wrong with the certificates of a registry")


class _Progress:
    """One line on a terminal that says how far a long reading is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next = time.monotonic() + _SPEAK_AFTER if on_terminal() else float("inf")
        self._shown = 0

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now >= self._next:
            line = f"{done:,} of {self._total:,} certificates read"
            self._next, self._shown = now + _SPEAK_EVERY, len(line)
            click.echo(f"\r{line}", nl=False, err=True)

    def close(self) -> None:
        """Take the line away, however the reading ended."""
        if self._shown:
            click.echo(f"\r{' ' * self._shown}\r", nl=False, err=True)


def _figure(path: Path) -> Callable[[UsageReport, UsageScope], bytes]:
    """Return what draws; raise UsageError before anything is read when that would be in vain."""
    if not path.parent.is_dir():
        raise UsageError(
            "the figure cannot be written: there is no such folder",
            where=str(path.parent),
            hint="make the folder first, or name another one",
        )
    try:
        from neurocaas_ci.report.usage_figure import as_png
    except ImportError as error:
        raise UsageError(
            "a figure needs matplotlib, which is not installed here",
            where="--png",
            hint="pip install 'neurocaas-ci[plot]'",
        ) from error
    return as_png


def _write(path: Path, figure: bytes) -> None:
    from neurocaas_ci.stores.disk import atomic_write

    try:
        atomic_write(path, figure)
    except BackendUnavailableError as error:
        reason = error.__cause__
        raise UsageError(
            f"the figure cannot be written: {getattr(reason, 'strerror', None) or reason}",
            where=str(path),
            hint="name a file in a folder that may be written and has room",
        ) from error
    say(f"figure: {path}")
