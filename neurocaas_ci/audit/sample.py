"""Choose certified jobs at random, and say which contents it takes to replay them elsewhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from neurocaas_ci.audit.certificate import read_certificate
from neurocaas_ci.audit.compare import needs_content, rule_for
from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.audit.verify import Question, verify
from neurocaas_ci.certify.layout import job_of
from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.places import FOLDER, MAX_BUNDLE
from neurocaas_ci.model.registry import Job


@dataclass(frozen=True, slots=True)
class Candidate:
    """A certificate that holds, of a job that succeeded, and the job as it was merged."""

    certificate: Certificate
    job: Job


def candidates(
    history: History,
    question: Callable[[bytes], Question],
    chooser: random.Random,
    say: Callable[[str], None],
) -> Iterator[Candidate]:
    """Yield certificates of main that hold, in an order of chance; each is verified when asked for.

    What does not hold is told and left out: to judge all certificates is the business of the audit.
    """
    paths = [entry.path for entry in history.main.entries(FOLDER) if job_of(entry.path)]
    chooser.shuffle(paths)
    for path in paths:
        bundle = history.main.read(path, MAX_BUNDLE) or b""
        try:
            if verify(bundle, question(bundle)).valid:
                content = read_certificate(read_payload(bundle))
                job = history.registry(content.registry_commit).job(content.manifest_path).value
                if content.status == "succeeded" and content.version_commit and job is not None:
                    yield Candidate(content, job)
                continue
        except NeurocaasError as error:
            say(f"note: {path} is left out: {error}")
            continue
        say(f"note: {path} does not hold, and is left out")


def inputs_of(certificate: Certificate) -> dict[Sha256, str]:
    """Return the inputs of a job: where each comes from, by its digest."""
    return {item.sha256: item.uri for item in certificate.datasets}


def compared_outputs(history: History, certificate: Certificate) -> Sequence[Sha256]:
    """Return the outputs that a replay has to read, should it have other bytes than the certificate.

    They are those for which the blueprint declared a tolerance; of others the digests decide.
    """
    assert certificate.version_commit is not None  # noqa: S101 - a candidate has one
    blueprint = history.registry(certificate.version_commit).blueprint(certificate.blueprint).value
    if blueprint is None:
        return ()
    runs = tuple(f"{run}/" for run in certificate.runs)
    return sorted(
        {
            digest
            for name, digest in certificate.subjects.items()
            if name.startswith(runs)
            and needs_content(rule_for(blueprint.outputs, name.partition("/")[2]))
        }
    )
