"""Verify one certificate: signature, log, signer, statement, registry and files, in this order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.files import judge_files
from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.identity import Expected, judge_identity, judge_origin
from neurocaas_ci.audit.provenance import judge_registry
from neurocaas_ci.audit.signature import (
    LogEntry,
    Signed,
    TrustRoot,
    names_local_issuer,
    open_bundle,
    read_payload,
)
from neurocaas_ci.certify.layout import BUILD_TYPE, certificate_path
from neurocaas_ci.errors import VerificationError
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.trust_file import PUBLIC_GOOD
from neurocaas_ci.model.verification import Check, Verification, failed, ok, unchecked


@dataclass(frozen=True, slots=True)
class Question:
    """What to verify a certificate against; what is left out is reported as not checked.

    `root` decides what is believed, and after it each of `others`: never are two of them one.
    """

    root: TrustRoot
    expected: Expected = field(default_factory=Expected)
    history: History | None = None
    outputs: Path | None = None
    others: tuple[TrustRoot, ...] = ()

    def open(self, bundle: bytes) -> tuple[Signed, str]:
        """Return what a bundle signs, and the tier of the root by which it holds.

        Raise VerificationError when it holds by none of them.
        """
        problems: list[str] = []
        for root in (self.root, *self.others):
            try:
                return open_bundle(bundle, root), root.tier
            except VerificationError as error:
                problems.append(_unsigned(bundle, error, root.tier))
        raise VerificationError("; ".join(dict.fromkeys(problems)))

    def by_registry(self, tier: str) -> bool:
        """Tell whether the root of this tier is one that only the registry names."""
        return any(root.of_registry for root in (self.root, *self.others) if root.tier == tier)


def verify(bundle: bytes, question: Question) -> Verification:
    """Return every check of a certificate; whatever goes wrong with it is a failed check.

    Raise UsageError when the question itself cannot be answered (no such folder).
    """
    try:
        signed, tier = question.open(bundle)
    except VerificationError as error:
        return Verification("", "", "", "", (failed("signature", error.message),))
    checks = [*_signature(signed), *judge_identity(signed.certificate, tier, question.expected)]
    try:
        certificate = read_certificate(signed.payload)
    except NotACertificateError as error:
        return Verification("", "", "", tier, (*checks, failed("statement", str(error))))
    checks.append(
        ok(
            "statement",
            f"in-toto statement v1, SLSA provenance v1, {BUILD_TYPE}; nothing unknown in it",
        )
    )
    checks += judge_origin(signed.certificate, certificate)
    checks.append(_trust(tier, of_registry=question.by_registry(tier)))
    checks += _registry(certificate, question.history)
    checks += _files(certificate, question.outputs)
    checks.append(
        unchecked("replay", "whether it comes out the same again: `neurocaas replay` runs it")
    )
    return Verification(
        certificate.sha256, certificate.job, certificate.status, tier, tuple(checks)
    )


def _unsigned(bundle: bytes, error: VerificationError, tier: str) -> str:
    if tier != PUBLIC_GOOD:
        return error.message
    if names_local_issuer(bundle):
        return (
            "a local instance signed this, which nobody vouches for: if you know its machine, name "
            "its root with --trust-root (there: `neurocaas trust export FILE`)"
        )
    return f"by the public good root: {error.message}; --trust-root names that of another instance"


def _signature(signed: Signed) -> Iterator[Check]:
    yield ok(
        "signature",
        "the statement is, byte for byte, what the holder of the signing certificate signed",
    )
    yield ok(
        "certificate",
        "issued by an authority of the trusted root, known to its certificate log, and valid when "
        "the signature was logged",
    )
    yield ok("log", _entry_text(signed.entry))


def _entry_text(entry: LogEntry) -> str:
    entries = "1 entry" if entry.size == 1 else f"{entry.size} entries"
    return (
        f"entry {entry.index} of log {entry.log_id[:12]}, logged {utc(entry.time)}, is part of the "
        f"tree of {entries} that the log signed"
    )


def utc(seconds: int) -> str:
    """Return seconds since 1970 as UTC, ISO 8601; numbers beyond the calendar stay numbers."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"at second {seconds}"


def _trust(tier: str, *, of_registry: bool) -> Check:
    if tier == PUBLIC_GOOD:
        return ok("trust", "the public good instance of Sigstore: its log is watched by others")
    who = "which the registry itself names" if of_registry else "which you named"
    return ok(
        "trust",
        f"{tier}, {who}: proves that nothing changed since whoever holds the keys of "
        "this root signed it, not that they are who they say or that their clock is right",
    )


def _registry(certificate: Certificate, history: History | None) -> Iterator[Check]:
    if history is None:
        yield unchecked("registry", "no clone of the registry was named (--repo)")
        return
    yield from judge_registry(certificate, history)
    path = certificate_path(certificate.job)
    kept = history.main.read(path)
    if kept is None:
        yield unchecked("published", f"main has no {path} (yet)")
    elif _is_same(kept, certificate):
        yield ok("published", f"main has this certificate as {path}")
    else:
        yield failed("published", f"main has another certificate of this job as {path}")


def _is_same(kept: bytes, certificate: Certificate) -> bool:
    # Bundles are malleable (a proof can be renewed); what was signed is not.
    try:
        return sha256_bytes(read_payload(kept)) == certificate.sha256
    except VerificationError:
        return False


def _files(certificate: Certificate, folder: Path | None) -> Iterator[Check]:
    if folder is None:
        count = len(certificate.subjects)
        yield unchecked("outputs", f"the {count} certified files: no folder of results was named")
        return
    yield from judge_files(certificate, folder)
