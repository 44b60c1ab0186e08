"""Certificates of jobs that used this and that, for tests of usage."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from neurocaas_ci.certify.statement import CommittedFile, make_statement
from neurocaas_ci.model.registry import Dataset
from neurocaas_ci.model.run import Usage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "certify"))
from certify_facts import ORIGIN, digest, make_facts, make_record


def make_certificate(
    job="ada/2026-11/tracking", *, reference="kalman@1.0.0", datasets=1, seconds=(3600.0,),
    cost=0.25, status="succeeded", origin=ORIGIN,
):  # fmt: skip
    """Return the statement of a job with one run for each of `seconds`."""
    runs = [
        make_record(f"{n:03d}-smooth", job=job, usage=Usage(wall, wall * 2, 4096))
        for n, wall in enumerate(seconds, 1)
    ]
    facts = make_facts(
        *runs,
        job=job,
        manifest=CommittedFile(f"registry/jobs/{job}.yaml", "1" * 40, "4" * 40, digest("5")),
        reference=reference,
        datasets=tuple(Dataset(f"store:{n}.npz", digest("8"), 1000) for n in range(datasets)),
        status=status,
        cost_usd=cost,
    )
    return make_statement(facts, origin)


def make_unsigned(statement: bytes) -> bytes:
    """Return what a reader that verifies nothing takes for a bundle."""
    return json.dumps({"dsseEnvelope": {"payload": base64.b64encode(statement).decode()}}).encode()
