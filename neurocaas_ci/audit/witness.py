"""Verify the signed verdict of a replay: signature, signer, and that it is about this certificate."""

from __future__ import annotations

from typing import Any

from neurocaas_ci.audit.certificate import NotACertificateError, read_json
from neurocaas_ci.audit.identity import judge_identity
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.audit.verify import Question
from neurocaas_ci.certify import layout
from neurocaas_ci.errors import VerificationError
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.verification import Check, Verification, failed, ok

_VERDICTS = ("identical", "equivalent", "different", "impossible")


def verify_verdict(bundle: bytes, path: str, question: Question) -> Verification:
    """Return the checks of a verdict that lies at a path of the registry."""
    try:
        signed, tier = question.open(bundle)
    except VerificationError as error:
        return Verification("", "", "", "", (failed("signature", error.message),))
    checks: list[Check] = [ok("signature", "the verdict is what its signer signed, and is logged")]
    checks += judge_identity(signed.certificate, tier, question.expected)
    job = layout.replayed_job(path) or ""
    verdict = ""
    try:
        verdict, about = read_verdict(signed.payload)
        checks.append(_about(about, job, question))
    except (NotACertificateError, VerificationError) as error:
        checks.append(failed("statement", str(error)))
    return Verification(sha256_bytes(signed.payload), job, verdict, tier, tuple(checks))


def read_verdict(payload: bytes) -> tuple[str, tuple[str, str]]:
    """Return the verdict of a statement, and path and digest of the certificate that it is about.

    Raise NotACertificateError when it is not such a statement.
    """
    try:
        statement: Any = read_json(payload)
        subject = statement["subject"][0]
        predicate = statement["predicate"]
        verdict = predicate["neurocaas_replay"]["verdict"]
        about = (str(subject["name"]), str(subject["digest"]["sha256"]))
        sound = (
            statement["_type"] == layout.STATEMENT_TYPE
            and statement["predicateType"] == layout.VERDICT_TYPE
            and predicate["verifier"]["id"] == layout.VERIFIER_ID
            and verdict in _VERDICTS
            and predicate["properties"] == [layout.replay_property(verdict)]
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise NotACertificateError(f"it lacks {error}") from error
    if not sound:
        raise NotACertificateError("it is not the verdict of a replay")
    return verdict, about


def _about(about: tuple[str, str], job: str, question: Question) -> Check:
    path, digest = about
    if path != layout.certificate_path(job):
        return failed("subject", f"it is about {path}, but lies beside that of {job}")
    if question.history is not None:
        kept = question.history.main.read(path)
        if kept is None or sha256_bytes(read_payload(kept)) != digest:
            return failed("subject", f"main has no certificate {path} with this digest")
    return ok("subject", f"it is about {path}")
