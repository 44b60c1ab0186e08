"""What several commands share: the repository, its main branch, the home folder, small formats."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click

from neurocaas_ci.errors import UsageError
from neurocaas_ci.run.home import Home, default_cache, default_cell, default_home, default_store

ORIGIN_MAIN, LOCAL_MAIN = "refs/remotes/origin/main", "refs/heads/main"
"""Where main is: the origin's, as it was fetched last, before the one of this clone."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

# The pattern of the user schema: a login is a folder's name and stands in YAML.
LOGIN = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,38}")

repo_option = click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="The registry's git repository (default: the one around this folder).",
)
fetch_option = click.option(
    "--fetch/--no-fetch",
    default=True,
    help="Ask the origin for its newest main first.  [default: fetch]",
)


def find_repo(repo: Path | None) -> Path:
    """Return the given repository or the one around the current folder; raise UsageError."""
    start = repo or Path.cwd()
    result = subprocess.run(
        ["git", "-C", str(start), "rev-parse", "--show-toplevel", "--absolute-git-dir"],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = result.stdout.split("\n")
    if result.returncode == 0:
        return Path(lines[0])
    if lines[0] or (start / "HEAD").is_file():
        return start.absolute()
    raise UsageError(
        "this folder is not inside a git repository",
        where=str(start),
        hint="go into a clone of the registry, or name it with --repo",
    )


def main_ref(repo: Path, *, fetch: bool) -> str:
    """Return the ref that is main: the origin's where there is one; raise UsageError."""
    if fetch and "origin" in _git(repo, "remote").split():
        result = subprocess.run(
            ["git", "-C", str(repo), "fetch", "--quiet", "origin", "main"],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            reason = result.stderr.strip().split("\n")[-1]
            say(f"note: origin does not answer, going on with what is known here ({reason})")
    wanted = (ORIGIN_MAIN, LOCAL_MAIN)
    found = _git(repo, "for-each-ref", "--format=%(refname)", *wanted).split()
    for ref in wanted:
        if ref in found:
            return ref
    raise UsageError(
        "the repository has no branch main yet",
        where=str(repo),
        hint="commit the registry to a branch named main",
    )


def open_home(*, sandboxed: bool = False) -> Home:
    """Return this machine's home folder; `sandboxed` also makes it reachable for nobody's uid."""
    cache = default_cache()
    home = Home(
        _folder(default_home(), "NEUROCAAS_HOME"),
        cache and _folder(cache, "NEUROCAAS_CACHE"),
        *default_store(),
        cell=default_cell(),
    )
    if not sandboxed:
        return home
    # Most commands never start a sandbox, and need nothing of it.
    from neurocaas_ci.run.reach import make_reachable

    shared = home.shared_cache and make_reachable(home.shared_cache)
    return Home(make_reachable(home.root), shared, home.store, home.group, home.cell)


def ledger_cache() -> Path:
    """Return where what is derived from git is kept; it need not exist, nor be writable."""
    return Home(default_home(), default_cache()).cache


def _folder(path: Path, variable: str) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made: {error.strerror}",
            where=str(path),
            hint=f"{variable} names another folder",
        ) from error
    return path


def say(text: str) -> None:
    """Write talk to stderr; stdout is for data."""
    click.echo(text, err=True)


def on_terminal() -> bool:
    """Tell whether stderr is a terminal that can redraw lines."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def human_time(seconds: float | None) -> str:
    """Return a duration in the two largest units that matter."""
    if seconds is None:
        return "-"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if seconds < _HOUR:
        return f"{whole // 60} min {whole % 60} s"
    if seconds < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // 60} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def human_size(size: float) -> str:
    """Return a number of bytes in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def human_cost(usd: float) -> str:
    """Return US dollars with as many digits as a small cost needs."""
    return f"{usd:.2f} USD" if usd >= 1 or usd == 0 else f"{usd:.4f} USD"


def _git(repo: Path, *arguments: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(repo), *arguments], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() if result.returncode == 0 else ""
