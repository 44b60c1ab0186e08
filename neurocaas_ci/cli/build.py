"""`neurocaas build NAME`: make the image of an IAE, prove that it can be made again, export it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocaas_ci.cli.common import open_home
from neurocaas_ci.errors import BuildError, UsageError

if TYPE_CHECKING:
    from neurocaas_ci.build.builder import Request
    from neurocaas_ci.model.registry import IaeLock


@click.command()
@click.argument("name")
@click.option("--check", is_flag=True, help="Rebuild from nothing and compare with iae.lock.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Also write the image as an OCI layout folder.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder that holds iae/ (default: this folder).",
)
def command(name: str, root: Path, output: Path | None, form: str, *, check: bool) -> None:
    """Build the image of iae/NAME and compare it with iae.lock.

    Without iae.lock the image is built all the same. Exit code 11: the sources do not give the
    locked image; with --check, standard error says which layer and which file differ first.
    """
    from neurocaas_ci.build.builder import Request, build
    from neurocaas_ci.build.cache import Cache
    from neurocaas_ci.build.recipe import sources
    from neurocaas_ci.build.source import load_iae, load_lock
    from neurocaas_ci.registry.folder import FolderTree

    tree = FolderTree(root)
    iae = load_iae(tree, name)
    # What is built from source is built by nobody's uid.
    home = open_home(sandboxed=iae.sources is not None)
    request = Request(iae, sources(tree, name), Cache(home.cache), _say)
    lock = load_lock(tree, name)
    if check:
        _check(request, lock)
    built = build(request)
    if lock is not None and built.lock != lock:
        raise BuildError(
            f"the sources give image {built.lock.image[:16]}…, iae.lock pins {lock.image[:16]}…",
            where=f"iae/{name}/iae.lock",
            hint=f"lock again after a change: neurocaas iae lock {name}",
        )
    if output is not None:
        from neurocaas_ci.build.constants import architecture
        from neurocaas_ci.build.layout import write_layout

        write_layout(request.cache, built.image, name, architecture(iae)[0], output)
        _say(f"wrote {output}")
    if form == "json":
        click.echo(
            json.dumps(
                {
                    "schema": "neurocaas/build/v1",
                    "name": name,
                    "recipe": built.lock.recipe,
                    "image": built.lock.image,
                    "config": built.lock.config,
                    "reproducible": built.lock.reproducible,
                    "locked": lock is not None,
                    "checked": check,
                    "layers": [
                        {"title": la.title, "digest": la.blob.digest, "size": la.blob.size}
                        for la in built.image.layers
                    ],
                }
            )
        )
    else:
        click.echo(f"sha256:{built.lock.image}")


def _check(request: Request, lock: IaeLock | None) -> None:
    from neurocaas_ci.build.check import check as rebuild

    name = request.iae.name
    if lock is None:
        raise UsageError(
            "there is nothing to compare with",
            where=f"iae/{name}/iae.lock",
            hint=f"write it first: neurocaas iae lock {name}",
        )
    checked = rebuild(request, lock)
    if checked.differences:
        raise BuildError(
            "the rebuilt image is not the locked one:\n  " + "\n  ".join(checked.differences),
            where=f"iae/{name}/iae.lock",
            hint="a captured (host) base differs from machine to machine"
            if not lock.reproducible
            else f"lock again: neurocaas iae lock {name}; if that does not settle it, the build "
            "depends on something that is not in the sources: please report it",
        )
    _say(f"rebuilt from nothing: identical to iae.lock ({lock.image[:16]}…)")


def _say(text: str) -> None:
    click.echo(text, file=sys.stderr)
