"""`neurocaas inspect`: what a certificate says, in plain words, not verified."""

from __future__ import annotations

from pathlib import Path

import click

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.signature import read_entry, read_payload
from neurocaas_ci.audit.verify import utc
from neurocaas_ci.cli.auditing import clone_options, find_certificate, open_history
from neurocaas_ci.errors import VerificationError
from neurocaas_ci.report.certificate import as_json, as_text


@click.command("inspect", short_help="Show what a certificate says, in plain words.")
@click.argument("certificate", metavar="CERTIFICATE|JOB")
@clone_options
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def command(certificate: str, style: str, repo: Path | None, *, offline: bool) -> None:
    """Show a certificate file, or that of a JOB on main, on one screen.

    Nothing is verified: `neurocaas verify` does that.
    """
    bundle = find_certificate(certificate, open_history(repo, offline=offline))
    try:
        content = read_certificate(read_payload(bundle))
    except NotACertificateError as error:
        raise VerificationError(
            f"this is no certificate of a job: {error}", where=certificate
        ) from error
    entry = read_entry(bundle)
    logged = f"entry {entry.index} of log {entry.log_id[:12]}, {utc(entry.time)}"
    text = as_json(content, logged) if style == "json" else as_text(content, logged)
    click.echo(text, nl=False)
