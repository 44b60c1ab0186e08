"""`neurocaas fetch`: a job's results as files."""

from __future__ import annotations

from pathlib import Path

import click

from neurocaas_ci.cli.common import (
    fetch_option,
    find_repo,
    human_size,
    main_ref,
    open_home,
    repo_option,
    say,
)
from neurocaas_ci.model.places import job_id
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.fetch import fetch as copy_results
from neurocaas_ci.run.pending import select


@click.command("fetch", short_help="Copy a job's results into a folder.")
@click.argument("job")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@repo_option
@fetch_option
def command(job: str, folder: Path, repo: Path | None, *, fetch: bool) -> None:
    """Copy outputs, logs and effective parameters of JOB into FOLDER, every byte verified.

    FOLDER gets a README.md that says what is what. Files that are there already are kept.
    """
    repo = find_repo(repo)
    with GitTree(repo, main_ref(repo, fetch=fetch)) as head:
        name = job_id(select(head, [job])[0])
    result = copy_results(open_home(), name, folder)
    say(f"{result.files} files, {human_size(result.size)}, in {folder}")
    if result.missing:
        say(f"{len(result.missing)} runs have not ended yet: {', '.join(result.missing[:5])}")
    click.echo(folder / "README.md")
