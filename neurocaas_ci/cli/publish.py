"""`neurocaas publish`: let an uploaded website be that of the repository, in a workflow."""

from __future__ import annotations

import os
from pathlib import Path

import click

from neurocaas_ci.cli.common import find_repo, repo_option
from neurocaas_ci.cli.github_option import open_github
from neurocaas_ci.errors import UsageError


@click.command("publish", short_help="Publish an uploaded website on GitHub Pages.")
@click.argument("artifact", type=click.IntRange(min=1))
@click.option(
    "--commit",
    envvar="GITHUB_SHA",
    show_envvar=True,
    help="What the website was made of, as GitHub shall name it.",
)
@repo_option
def command(artifact: int, commit: str | None, repo: Path | None) -> None:
    """Let ARTIFACT, the id of an artifact of this workflow run, be the website of the repository.

    It is a tar archive named `artifact.tar`, of what `neurocaas site` wrote. Prints the address of
    the website once it is there.
    """
    from neurocaas_ci.forges.github_identity import identity_token
    from neurocaas_ci.forges.github_pages import publish_pages

    if not commit:
        raise UsageError(
            "it is not said what the website was made of",
            where="--commit",
            hint="in a workflow GITHUB_SHA says it",
        )
    hub = open_github(find_repo(repo))
    click.echo(publish_pages(hub, artifact, commit, identity_token(os.environ)))
