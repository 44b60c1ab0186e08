"""`neurocaas replay`: run a certified job again and compare every output."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Literal, get_args

import click

from neurocaas_ci.audit.attest import make_verdict, verdict_path
from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.audit.verify import verify
from neurocaas_ci.certify.publish import publish
from neurocaas_ci.cli.auditing import Auditing, auditor_options, find_certificate, summary
from neurocaas_ci.cli.common import open_home, say
from neurocaas_ci.cli.replaying import replayer
from neurocaas_ci.cli.signers import SignerKind, make_signer, signer_options
from neurocaas_ci.errors import (
    ReplayDifferentError,
    ReplayImpossibleError,
    UsageError,
    VerificationError,
)
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.registry import ExecutorKind
from neurocaas_ci.model.replay import Replay
from neurocaas_ci.report.replay import as_json, as_text
from neurocaas_ci.report.verification import as_text as verification_text
from neurocaas_ci.run.home import Home

_MAIN = "refs/heads/main"


@click.command("replay", short_help="Run a job again and compare with its certificate.")
@click.argument("certificate", metavar="CERTIFICATE|JOB")
@click.argument("outputs", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--dataset", help="Replay only the runs of this dataset.")
@click.option(
    "--executor",
    type=click.Choice(list(get_args(ExecutorKind))),
    default="local",
    show_default=True,
    help="Where to run it again: here, on a Slurm cluster, on AWS.",
)
@click.option("--attest", is_flag=True, help="Sign the verdict and bring it onto main.")
@signer_options
@auditor_options
@click.option("--isolation", type=click.Choice(["sandbox", "none"]), default="sandbox")
@click.option("--cpus", type=click.IntRange(min=1), help="Processors to use (default: all).")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def command(
    certificate: str,
    outputs: Path | None,
    dataset: str | None,
    executor: ExecutorKind,
    signer: SignerKind | None,
    trust_config: Path | None,
    isolation: Literal["sandbox", "none"],
    cpus: int | None,
    style: str,
    auditing: Auditing,
    *,
    attest: bool,
) -> None:
    """Run the job of a certificate again from its pinned commit, and compare every output.

    The certificate is verified first. Then the same code as in `neurocaas reconcile` takes the
    registry at that commit, its environments and the inputs by digest, and runs; outputs are
    compared as the blueprint declared beforehand. OUTPUTS may name a folder with the certified
    results, to show what differs where this machine's store does not have them.

    Exits with 0 when everything is identical or equivalent, 14 when something is different, 15 when
    it is impossible to run it again here, which says nothing about the result.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    history = auditing.history()
    bundle = find_certificate(certificate, history)
    if history is None:
        raise UsageError(
            "a replay needs a clone of the registry",
            hint="run it inside a clone, or name one with --repo",
        )
    verified = verify(
        bundle, auditing.question(bundle, _comparable(bundle, history), clone=history)
    )
    if not verified.valid:
        click.echo(verification_text(verified), err=True, nl=False)
        raise VerificationError(
            f"{summary(verified)}; it is not replayed",
            where=certificate,
            hint="`neurocaas verify` says what does not hold",
        )
    content = read_certificate(read_payload(bundle))
    say(f"certificate sha256:{content.sha256} holds; running {content.job} again")
    home = open_home(sandboxed=True)
    with replayer(
        history, home, isolation=isolation, cpus=cpus, originals=outputs, executor=executor
    ) as again:
        replay = again.replay(content, dataset)
    click.echo(as_json(replay) if style == "json" else as_text(replay), nl=False)
    if attest:
        # Whoever replays speaks for themselves, and not for the platform.
        _attest(history, home, content, replay, signer or "local", trust_config)
    _conclude(replay)


def _comparable(bundle: bytes, history: History) -> History | None:
    """Return the history, or None when it lacks the commits that the certificate is about.

    Such a certificate may still hold: then the replay says what is missing.
    """
    try:
        commit = read_certificate(read_payload(bundle)).registry_commit
    except NotACertificateError:
        return history
    return history if history.has(commit) else None


def _attest(
    history: History,
    home: Home,
    certificate: Certificate,
    replay: Replay,
    kind: SignerKind,
    trust_config: Path | None,
) -> None:
    signer = make_signer(kind, trust_config, home)
    origin = signer.origin(history.uri, _MAIN, history.main.commit)
    bundle = signer.sign(make_verdict(certificate, replay), origin)
    path = verdict_path(replay, bundle)
    publish(history.repo, history.ref, {path: bundle}, f"Replay {replay.job}: {replay.verdict}")
    say(f"signed verdict: {path}")


def _conclude(replay: Replay) -> None:
    if replay.verdict == "different":
        raise ReplayDifferentError(
            "the replay gave other results than the certificate says",
            where=replay.job,
            hint="the lines above say where; docs/trust.md says what may be the cause",
        )
    if replay.verdict == "impossible":
        raise ReplayImpossibleError(
            "the job could not be replayed here, which says nothing about its results",
            where=replay.job,
            hint=replay.reason,
        )
