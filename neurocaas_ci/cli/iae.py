"""`neurocaas iae lock NAME`: choose and pin everything an IAE is made of."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from neurocaas_ci.cli.common import open_home


@click.group()
def command() -> None:
    """Work on the sources of an immutable analysis environment (IAE)."""


@command.command()
@click.argument("name")
@click.option("--upgrade", is_flag=True, help="Choose all package versions anew.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder that holds iae/ (default: this folder).",
)
def lock(name: str, root: Path, *, upgrade: bool) -> None:
    """Write base.lock, requirements.lock and iae.lock of iae/NAME.

    With `sources` in iae.yaml also sources.lock, build.lock and build-requirements.lock: what is
    built from source, in a sandbox, and with which tools.

    Package versions that are locked already stay as they are, unless iae.yaml or requirements.in
    ask for something else or --upgrade is given. The image is built, so that iae.lock holds its
    digest. Commit all these files.
    """
    from neurocaas_ci.build.cache import Cache
    from neurocaas_ci.build.lock import lock_iae
    from neurocaas_ci.build.source import has_sources
    from neurocaas_ci.registry.folder import FolderTree

    # What is built from source is built by nobody's uid.
    home = open_home(sandboxed=has_sources(FolderTree(root), name))
    locked = lock_iae(root, name, Cache(home.cache), _say, upgrade=upgrade)
    for file in locked.changed:
        _say(f"wrote iae/{name}/{file}")
    if not locked.changed:
        _say(f"iae/{name} is up to date")
    if not locked.built.lock.reproducible:
        _say("note: the base is captured from this machine; nobody else can rebuild this image")
    click.echo(f"sha256:{locked.built.lock.image}")


def _say(text: str) -> None:
    click.echo(text, file=sys.stderr)
