"""`neurocaas init`: start a new analysis from a scaffold that runs at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from neurocaas_ci.cli.common import LOGIN, find_repo, repo_option, say
from neurocaas_ci.cli.init_platform import platform
from neurocaas_ci.cli.scaffold import files
from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.stores.disk import atomic_write

_NAME = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")


@click.group("init", short_help="Start a new analysis, or a platform.")
def command() -> None:
    """Write the files that an analysis or a platform of your own begins with."""


command.add_command(platform)


@command.command("owners")
@click.option("--check", is_flag=True, help="Write nothing; exit with 10 when it would change.")
@repo_option
def owners(repo: Path | None, *, check: bool) -> None:
    """Write .github/CODEOWNERS from the registry: maintainers, and who maintains which analysis.

    GitHub then asks for the same people as the plan of a pull request does. Run it after maintainers
    have changed, or an analysis was added.
    """
    from neurocaas_ci.plan.owners import PATH, code_owners
    from neurocaas_ci.registry import Registry
    from neurocaas_ci.registry.folder import FolderTree

    root = find_repo(repo)
    text = code_owners(Registry(FolderTree(root)))
    path = root / PATH
    if path.is_file() and path.read_bytes() == text.encode():
        say(f"{PATH} says what the registry says")
        return
    if check:
        raise FindingsError(
            "it does not name who the registry names",
            where=PATH,
            hint="`neurocaas init owners` writes it anew",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, text.encode())
    click.echo(PATH)


@command.command("blueprint")
@click.argument("name")
@click.option("--maintainer", envvar="NEUROCAAS_USER", required=True, help="Your login.")
@repo_option
def blueprint(name: str, maintainer: str, repo: Path | None) -> None:
    """Write a blueprint, an environment and a sample for the analysis NAME; replace nothing.

    `neurocaas iae lock NAME` then pins the environment, `neurocaas try NAME` runs the sample. Set
    NEUROCAAS_USER to leave out --maintainer.
    """
    repo = find_repo(repo)
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name an analysis",
            hint="use lower-case letters, digits and dashes; begin with a letter",
        )
    if not LOGIN.fullmatch(maintainer):
        raise UsageError(
            f"{maintainer!r} cannot be a login",
            where="--maintainer",
            hint="use the name of your file in registry/users",
        )
    made = files(name, maintainer)
    taken = [path for path in made if os.path.lexists(repo / path)]
    if taken:
        raise UsageError(
            f"{taken[0]} exists already; nothing was written",
            where=str(repo),
            hint="choose another name",
        )
    for path, text in made.items():
        target = repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(target, text.encode())
        click.echo(path)
    say(
        f"next:\n  neurocaas iae lock {name}   pins the environment\n"
        f"  neurocaas try {name}        runs the sample\n"
        "  neurocaas validate          says what is still to do"
    )
