"""`neurocaas verify`: check a certificate, and results against it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from neurocaas_ci.audit.verify import verify
from neurocaas_ci.cli.auditing import Auditing, auditor_options, find_certificate, summary
from neurocaas_ci.errors import VerificationError
from neurocaas_ci.report.verification import as_json, as_text


@click.command("verify", short_help="Check a certificate, and results against it.")
@click.argument("certificate", metavar="CERTIFICATE|JOB")
@click.argument("outputs", required=False, type=click.Path(path_type=Path))
@auditor_options
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def command(certificate: str, outputs: Path | None, style: str, auditing: Auditing) -> None:
    """Check a certificate file, or that of a JOB on main, and the folder OUTPUTS against it.

    One line per check says what it proves; what nobody looked at is listed too. Exits with 13 when
    anything does not hold. What is believed depends on the root that verifies: the one that you
    name with --trust-root, else those that main of the clone names, else Sigstore's public good one.
    """
    history = auditing.history()
    bundle = find_certificate(certificate, history)
    result = verify(bundle, auditing.question(bundle, history, outputs))
    if style == "json":
        click.echo(as_json(result), nl=False)
    else:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        click.echo(as_text(result, colour=colour), nl=False)
    if not result.valid:
        raise VerificationError(
            summary(result),
            where=certificate,
            hint="do not rely on it; docs/trust.md says what each check means",
        )
    if style == "text":
        click.echo(summary(result))
