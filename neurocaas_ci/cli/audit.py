"""`neurocaas audit`: verify every certificate of a registry, and replay a random sample."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence

import click

from neurocaas_ci.audit.certificate import read_certificate
from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.audit.survey import (
    Survey,
    Surveyed,
    Terms,
    append_only,
    certificate_paths,
    one_log,
    survey,
)
from neurocaas_ci.certify.layout import job_of
from neurocaas_ci.cli.auditing import Auditing, auditor_options
from neurocaas_ci.cli.common import open_home, say
from neurocaas_ci.cli.replaying import replayer
from neurocaas_ci.cli.signers import signing_folder
from neurocaas_ci.errors import (
    ReplayDifferentError,
    ReplayImpossibleError,
    UsageError,
    VerificationError,
)
from neurocaas_ci.model.places import MAX_BUNDLE, job_id
from neurocaas_ci.model.replay import Replay
from neurocaas_ci.model.verification import Check, failed
from neurocaas_ci.report.survey import as_json, as_text
from neurocaas_ci.run.home import Home, default_home
from neurocaas_ci.run.pending import manifests
from neurocaas_ci.signing.local_sigstore import LocalSigstore

_SPEAK_SECONDS = 5.0


@click.command("audit", short_help="Verify every certificate of a registry.")
@click.option("--since", metavar="COMMIT", help="Only certificates added since this commit.")
@click.option("--sample", type=click.IntRange(min=0), default=0, help="Also replay this many jobs.")
@click.option("--seed", type=int, help="Choose the sample reproducibly (default: at random).")
@click.option("--workers", type=click.IntRange(min=1), help="Processes (default: all processors).")
@auditor_options
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text")
def command(
    since: str | None,
    sample: int,
    seed: int | None,
    workers: int | None,
    style: str,
    auditing: Auditing,
) -> None:
    """Verify all certificates and signed verdicts on main, in parallel.

    Also checks, over the whole history, that certificates were only ever added, and that the logs
    never showed two different trees; this machine's own log is compared entry by entry. --sample replays jobs that succeeded, chosen at random. Exits
    with 13 when anything does not hold, else with 14 when a replay is different, else with 15 when
    one is impossible here.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    history = auditing.history()
    if history is None:
        raise UsageError(
            "an audit needs a clone of the registry",
            hint="run it inside a clone, or name one with --repo",
        )
    with history:
        paths = certificate_paths(history, since)
        terms = Terms(
            history.repo,
            history.ref,
            auditing.roots(history),
            auditing.offline,
            auditing.expected(history),
        )
        progress = _Progress(len(paths))
        files = survey(
            terms, paths, workers=workers or len(os.sched_getaffinity(0)), progress=progress
        )
        found = Survey(files, (*append_only(history), *one_log(files), *_own_log(history)))
        replays = _replay(history, files, sample, seed)
        rows = [(file.path, file.verification) for file in files]
        render = as_json if style == "json" else as_text
        click.echo(render(rows, found.problems, replays, _uncertified(history)), nl=False)
    _conclude(found, replays)


class _Progress:
    """Says every few seconds how far a long audit is."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._spoke = time.monotonic()

    def __call__(self, done: int) -> None:
        if time.monotonic() - self._spoke > _SPEAK_SECONDS:
            self._spoke = time.monotonic()
            say(f"  {done}/{self._total} verified")


def _replay(
    history: History, files: Sequence[Surveyed], sample: int, seed: int | None
) -> list[Replay]:
    """Replay some of the valid certificates of jobs that succeeded."""
    candidates = [
        file.path
        for file in files
        if job_of(file.path) and file.verification.valid and file.verification.status == "succeeded"
    ]
    if not sample or not candidates:
        return []
    chooser = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311 - a seed is wanted
    chosen = chooser.sample(candidates, min(sample, len(candidates)))
    home = open_home(sandboxed=True)
    replays: list[Replay] = []
    with replayer(history, home) as again:
        for path in chosen:
            bundle = history.main.read(path, MAX_BUNDLE) or b""
            replays.append(again.replay(read_certificate(read_payload(bundle))))
    return replays


def _own_log(history: History) -> Iterator[Check]:
    """Yield where the log of this machine, if it has signed anything, contradicts a bundle."""
    folder = signing_folder(Home(default_home()))
    if not folder.exists():
        return
    bundles = {
        entry.path: content
        for entry in history.main.entries("certificates")
        if (content := history.main.read(entry.path, MAX_BUNDLE)) is not None
    }
    for problem in LocalSigstore.open(folder).check_log(bundles, {}).problems:
        # What is no bundle of a log is reported as such already.
        if problem.kind != "unproven":
            yield failed("log", f"this machine's log: {problem.message}")


def _uncertified(history: History) -> list[str]:
    certified = {job_of(entry.path) for entry in history.main.entries("certificates")}
    return [job for path in manifests(history.main) if (job := job_id(path)) not in certified]


def _conclude(found: Survey, replays: Sequence[Replay]) -> None:
    if not found.valid:
        raise VerificationError(
            "certificates of this registry do not hold",
            hint="the lines above say which; `neurocaas verify JOB` shows all checks of one",
        )
    verdicts = [replay.verdict for replay in replays]
    if "different" in verdicts:
        raise ReplayDifferentError(
            f"{verdicts.count('different')} of {len(verdicts)} replays gave other results",
            hint="`neurocaas replay JOB` shows what differs",
        )
    if "impossible" in verdicts:
        raise ReplayImpossibleError(
            f"{verdicts.count('impossible')} of {len(verdicts)} jobs could not be replayed here",
            hint="the lines above say what is missing",
        )
