"""`neurocaas access`: lend a user access to the group's store for hours, sealed for the user's key."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, repo_option, say
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.cloud_names import ACCESS_HOURS
from neurocaas_ci.model.registry import User
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree

if TYPE_CHECKING:
    from neurocaas_ci.stores.s3_client import S3Place

_SSH_KEYS = ("id_ed25519", "id_rsa")


@click.group("access", short_help="Lend users access for hours; no long-lived keys.")
def command() -> None:
    """Lend a user access to the store of a group, for hours, sealed for the user's public key."""


@command.command("grant")
@click.argument("login")
@click.option("--group", help="Whose part of the store (default: the user's only group).")
@click.option(
    "--hours", type=click.IntRange(1, ACCESS_HOURS), default=1, show_default=True,
    help="How long it lasts; AWS allows one hour to an operator who is in a role already.",
)  # fmt: skip
@click.option("--read-only", is_flag=True, help="Let results be fetched, and nothing be put.")
@click.option("--output", type=click.Path(path_type=Path), help="A new file (default: print it).")
@repo_option
@fetch_option
def grant(
    login: str, group: str | None, hours: int, output: Path | None, repo: Path | None,
    *, read_only: bool, fetch: bool,
) -> None:  # fmt: skip
    """Lend LOGIN access to the group's part of the store, sealed so that only LOGIN can open it.

    Only for a store on S3 of a deployed platform, by an operator who may take on the group's role for
    users. Who is a member, and which public keys a user has, is what main says now: `keys` in the user's
    file. The sealed text can be sent by any means; the other side says `neurocaas access open FILE`.
    """
    root = find_repo(repo)
    with GitTree(root, main_ref(root, fetch=fetch)) as head:
        user, name = _entitled(Registry(head), login, group)
    place = _store()
    from neurocaas_ci.access.seal import seal
    from neurocaas_ci.access.sts import lend
    from neurocaas_ci.deploy.aws.session import Clients

    # First with nothing in it: a key that cannot be used is found before anything is lent.
    seal(b"", user.keys, f"registry/users/{login}.yaml")
    lent = lend(Clients(), place, login, name, hours, write=not read_only)
    sealed = seal(lent.encode(), user.keys, f"registry/users/{login}.yaml")
    if output is None:
        click.echo(sealed, nl=False)
    else:
        _write_new(output, sealed)
    say(f"{login} may {'read' if read_only else 'use'} {lent.store}, group {name}, "
        f"until {lent.expires}; sealed for {len(user.keys)} keys")  # fmt: skip


@command.command("open")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--identity", "identities", multiple=True, type=click.Path(path_type=Path),
    envvar="NEUROCAAS_IDENTITY",
    help="File with a private key of age or SSH (default: those in ~/.ssh).  [env: NEUROCAAS_IDENTITY]",
)  # fmt: skip
@click.option(
    "--format", "style", type=click.Choice(["shell", "json", "process"]), default="shell",
    help="Lines for a shell, the document, or what a credential_process of AWS prints.",
)  # fmt: skip
def open_(file: Path, identities: tuple[Path, ...], style: str) -> None:
    """Open FILE with your private key and print the credentials in it; they are a secret.

    `eval "$(neurocaas access open FILE)"` sets them in a shell, for `neurocaas data put`, `fetch`
    and `status`, and for the tools of AWS.
    """
    from neurocaas_ci.access.lent import decode
    from neurocaas_ci.access.seal import unseal

    usual = [path for name in _SSH_KEYS if (path := Path.home() / ".ssh" / name).exists()]
    lent = decode(unseal(file, identities or usual), str(file))
    lent.check_time(datetime.now(UTC))
    if style == "shell":
        click.echo(lent.shell(), nl=False)
    elif style == "process":
        click.echo(lent.process())
    else:
        click.echo(lent.encode(), nl=False)
    say(f"access of {lent.login} to {lent.store}, group {lent.group}, until {lent.expires}")


@command.command("key")
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Make a private key in a new FILE and print its public key, for `keys` in your user file.

    For those who have no key of SSH, or want one of its own for this.
    """
    from neurocaas_ci.access.seal import new_identity

    click.echo(new_identity(file))


def _entitled(registry: Registry, login: str, group: str | None) -> tuple[User, str]:
    """Return a user and one of the user's groups; raise UsageError when main does not say so."""
    where = f"registry/users/{login}.yaml"
    user = registry.user(login).value if login in registry.users() else None
    if user is None:
        raise UsageError(
            f"main has no user {login}, or one that is not valid", where=where,
            hint="a pull request adds users; who was removed gets nothing",
        )  # fmt: skip
    both = [
        name
        for name in user.groups
        if (team := registry.group(name).value) is not None and login in team.members
    ]
    if group is not None and group not in both:
        raise UsageError(
            f"{login} is no member of the group {group}", where=where,
            hint="the files of the user and of the group both have to say so",
        )  # fmt: skip
    if group is None and len(both) != 1:
        raise UsageError(
            f"{login} is in {len(both)} groups" + (f": {', '.join(both)}" if both else ""),
            where=where,
            hint="name one with --group" if both else "who is in no group has no part of the store",
        )
    if not user.keys:
        raise UsageError(
            f"{login} has no public key", where=where,
            hint="add `keys: [ssh-ed25519 ...]` by pull request; `neurocaas access key` makes one",
        )  # fmt: skip
    return user, group or both[0]


def _store() -> S3Place:
    from neurocaas_ci.stores.s3_client import parse_place

    uri = os.environ.get("NEUROCAAS_STORE", "").rstrip("/")
    if not uri:
        raise UsageError(
            "NEUROCAAS_STORE is not set", where="environment",
            hint="name the store of all groups, s3://BUCKET, as the runners have it",
        )  # fmt: skip
    return parse_place(uri)


def _write_new(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise UsageError("there is a file already", where=str(path), hint="name another") from error
    except OSError as error:
        raise UsageError(
            f"it cannot be written: {error.strerror}", where=str(path), hint="name another file"
        ) from error
