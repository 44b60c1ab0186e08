"""`neurocaas site`: the registry as a website of plain files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import click

from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, repo_option, say
from neurocaas_ci.cli.github_option import lend_credentials
from neurocaas_ci.errors import BackendUnavailableError, UsageError


@click.command("site", short_help="Write the website of a registry.")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--rev", metavar="REV", help="The commit to show (default: main).")
@click.option("--title", help="What the site is called (default: the name of the repository).")
@repo_option
@fetch_option
def command(
    folder: Path, rev: str | None, title: str | None, repo: Path | None, *, fetch: bool
) -> None:
    """Write the catalogue, all jobs with their certificates, and usage, as HTML files into DIR.

    DIR is new, empty, or was written by this command before; then it is replaced as a whole. The
    files need no server, no script and no other site; equal commits give equal bytes.

    Signatures are NOT verified here: the page of each job says how to do that.
    """
    from neurocaas_ci.registry.git import GitTree
    from neurocaas_ci.site.gather import Gathered
    from neurocaas_ci.site.pages import pages

    repo = find_repo(repo)
    _require_replaceable(folder)
    if rev is None:
        lend_credentials(repo)
    with GitTree(repo, rev or main_ref(repo, fetch=fetch)) as tree:
        gathered = Gathered(tree, title)
        site = gathered.site()
        count = _write(folder, pages(site, gathered.job))
    for path, reason in site.unreadable:
        from neurocaas_ci.report.plain import printable

        say(f"left out: {printable(path)}: {printable(reason)}")
    say(f"{count:,} files in {folder}: {len(site.analyses)} analyses, {len(site.jobs):,} jobs")


def _require_replaceable(folder: Path) -> None:
    """Raise UsageError for a folder that holds something else than a website of ours."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    from neurocaas_ci.site.pages import MARK, SCHEMA

    try:
        mark = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError):
        mark = None
    if not isinstance(mark, dict) or mark.get("schema") != SCHEMA:
        raise UsageError(
            "the folder holds something else than a website of this command",
            where=str(folder),
            hint="name a new folder, or empty this one",
        )


def _write(folder: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Write all files beside the folder, then put them in its place; return how many there are."""
    from neurocaas_ci.stores.disk import unique_name

    target = folder.absolute()
    fresh, old = (target.with_name(f".{target.name}-{unique_name()}") for _ in range(2))
    count = 0
    try:
        for path, content in files:
            count += 1
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_bytes(content)
        if target.exists():
            os.replace(target, old)
        os.replace(fresh, target)
    except OSError as error:
        raise BackendUnavailableError(
            f"the website cannot be written: {error.strerror}",
            where=str(folder),
            hint="it needs room, and the right to write beside the folder",
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return count
