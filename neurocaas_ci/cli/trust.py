"""`neurocaas trust`: the root of this machine's signing instance, and whether its log is whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, open_home, repo_option, say
from neurocaas_ci.cli.signers import signing_folder
from neurocaas_ci.errors import UsageError, VerificationError
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.signing.identities import LOCAL_IDENTITY
from neurocaas_ci.signing.local_sigstore import LocalSigstore
from neurocaas_ci.stores.disk import atomic_write


@click.group("trust", short_help="Show and check what this machine signs with.")
def command() -> None:
    """Export the trusted root of this machine's own signing instance, and check its log."""


@command.command("export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--client-config",
    is_flag=True,
    help="Write the client trust config instead, which other Sigstore clients take.",
)
def export(file: Path | None, *, client_config: bool) -> None:
    """Write the trusted root to FILE, or to standard output.

    Whoever verifies what this machine signed names it with --trust-root, and has to get it from
    you in a way that they trust.
    """
    instance = _instance()
    content = (instance.client_config if client_config else instance.trusted_root).read_bytes()
    if file is None:
        click.echo(content, nl=False)
        return
    if file.exists() and file.read_bytes() != content:
        raise UsageError("another file is already there", where=str(file), hint="name a new file")
    atomic_write(file, content)
    say(f"signs as {LOCAL_IDENTITY}; tell its digest to whoever gets this file:")
    click.echo(f"sha256:{hashlib.sha256(content).hexdigest()}  {file}")


@command.command("check")
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint that was kept elsewhere; repeatable.",
)
@repo_option
@fetch_option
def check(checkpoints: tuple[Path, ...], repo: Path | None, *, fetch: bool) -> None:
    """Recompute the log's tree, and compare it with every certificate on main.

    Prints the newest checkpoint: kept by somebody else, it is evidence of what the log holds today.
    Exits with 13 when an entry was changed or removed.
    """
    instance = _instance()
    repo = find_repo(repo)
    with GitTree(repo, main_ref(repo, fetch=fetch)) as main:
        bundles = {
            entry.path: content
            for entry in main.entries("certificates")
            if (content := main.read(entry.path)) is not None
        }
    kept = {str(path): path.read_text(encoding="utf-8") for path in checkpoints}
    report = instance.check_log(bundles, kept)
    for problem in report.problems:
        say(f"{problem.kind}: {problem.message}")
    if not report.consistent:
        raise VerificationError(
            "the log of this machine is not what it signed",
            where=str(instance.trusted_root.parent),
            hint="certificates that exist still verify; find out who changed the log's file",
        )
    say(
        f"{report.size} entries agree with {report.compared} certificates and checkpoints"
        + (f"; {report.foreign} are of other logs" if report.foreign else "")
    )
    click.echo(instance.checkpoint(), nl=False)


def _instance() -> LocalSigstore:
    folder = signing_folder(open_home())
    if not folder.exists():
        raise UsageError(
            "this machine has signed nothing yet",
            where=str(folder),
            hint="`neurocaas reconcile` makes its signing instance with the first certificate",
        )
    return LocalSigstore.open(folder)
