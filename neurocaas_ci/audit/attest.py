"""A replay's verdict as an in-toto statement (Simple Verification Result v0.1); I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from neurocaas_ci import __version__
from neurocaas_ci.certify import layout
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.digest import canonical_json, sha256_bytes
from neurocaas_ci.model.replay import Replay

_DETAILS = 20


def make_verdict(certificate: Certificate, replay: Replay) -> bytes:
    """Return the statement as canonical JSON.

    Its subjects are the certificate (by the digest of its payload) and the outputs that were
    compared; `neurocaas_replay` is an extension field with what the verdict rests on.
    """
    return canonical_json(
        {
            "_type": layout.STATEMENT_TYPE,
            "subject": list(_subjects(certificate, replay)),
            "predicateType": layout.VERDICT_TYPE,
            "predicate": {
                "verifier": {"id": layout.VERIFIER_ID},
                "timeCreated": replay.ended,
                "properties": [layout.replay_property(replay.verdict)],
                "neurocaas_replay": {
                    "verdict": replay.verdict,
                    "reason": replay.reason,
                    "startedOn": replay.started,
                    "finishedOn": replay.ended,
                    "version": __version__,
                    "machine": dict(replay.machine),
                    "runs": [
                        {
                            "run": run.run,
                            "was": run.was,
                            "now": run.now,
                            "outputs": {
                                name: {
                                    "verdict": comparison.verdict,
                                    "kind": comparison.kind,
                                    "summary": comparison.summary,
                                    "details": list(comparison.details[:_DETAILS]),
                                }
                                for name, comparison in run.files
                            },
                        }
                        for run in replay.runs
                    ],
                },
            },
        }
    )


def verdict_path(replay: Replay, bundle: bytes) -> str:
    """Return where a signed verdict lies in the registry: beside the certificate, never twice.

    Two replays that end in one second can say the same; each is a witness, with a signature of its own.
    """
    time = replay.ended.replace("-", "").replace(":", "")
    name = f"{time}-{replay.verdict}-{sha256_bytes(bundle)[:12]}{layout.SUFFIX}"
    return f"{layout.replays_folder(replay.job)}/{name}"


def _subjects(certificate: Certificate, replay: Replay) -> Iterator[dict[str, Any]]:
    path = layout.certificate_path(certificate.job)
    yield {"name": path, "digest": {"sha256": certificate.sha256}}
    for run in replay.runs:
        for name, _ in run.files:
            if name in certificate.subjects:
                yield {"name": name, "digest": {"sha256": certificate.subjects[name]}}
