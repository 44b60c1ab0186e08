"""Verify a bundle with sigstore's own verifier: signature, certificate, log; and say by which root."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocaas_ci.audit.certificate import NotACertificateError, read_json
from neurocaas_ci.errors import BackendUnavailableError, UsageError, VerificationError
from neurocaas_ci.model.places import MAX_BUNDLE
from neurocaas_ci.model.trust_file import PUBLIC_GOOD, read_trust_file
from neurocaas_ci.signing.checkpoint import read_checkpoint
from neurocaas_ci.signing.identities import LOCAL_ISSUER
from neurocaas_ci.signing.interface import PAYLOAD_TYPE

if TYPE_CHECKING:
    from cryptography import x509
    from sigstore.verify import Verifier

RootSource = Path | bytes | None
"""A file that somebody named, what a registry holds, or the public good root."""


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A verifier and its tier: `public-good`, or `root:<sha256 of the trusted root's file>`.

    `of_registry` says that the registry names it, and nobody who verifies.
    """

    tier: str
    verifier: Verifier
    of_registry: bool = False


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Where the signature stands in the log; `time` is seconds since 1970, as the log signed it."""

    log_id: str
    index: int
    size: int
    root: str
    time: int
    checkpoint: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A payload whose signature, signing certificate and log entry hold."""

    payload: bytes
    certificate: x509.Certificate
    entry: LogEntry


def load_root(source: RootSource, *, offline: bool = False) -> TrustRoot:
    """Return the root to verify with: the file's, or without one the public good instance's.

    A file may also be a client trust config, of which the trusted root counts.

    Only `offline` refrains from refreshing the latter over the network. Raise UsageError for a file
    that is no trusted root, BackendUnavailableError when the refresh fails.
    """
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier

    # What it says of its cache is no answer to what was asked.
    logging.getLogger("sigstore").addHandler(logging.NullHandler())
    if source is None:
        try:
            return TrustRoot(PUBLIC_GOOD, Verifier.production(offline=offline))
        except Exception as error:
            raise BackendUnavailableError(
                f"the public good trusted root cannot be refreshed: {error}",
                where="sigstore",
                hint="--offline takes the copy that came with sigstore; --trust-root names another",
            ) from error
    where = str(source) if isinstance(source, Path) else "registry/trust"
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            # Sigstore reads roots from files alone.
            file.write(json.dumps(read_trust_file(content).root).encode())
            file.flush()
            verifier = Verifier(trusted_root=TrustedRoot.from_file(file.name))
    except OSError as error:
        raise UsageError(
            f"the trusted root cannot be read: {error.strerror}", where=where
        ) from error
    except Exception as error:
        raise UsageError(
            f"this is no trusted root of a Sigstore instance ({type(error).__name__})",
            where=where,
            hint="a local instance exports one: `neurocaas trust export FILE`",
        ) from error
    tier = f"root:{hashlib.sha256(content).hexdigest()}"
    return TrustRoot(tier, verifier, of_registry=isinstance(source, bytes))


def open_bundle(bundle: bytes, root: TrustRoot) -> Signed:
    """Return the payload of a bundle; raise VerificationError when anything about it does not hold.

    Whatever goes wrong inside the verifier means that the bundle is invalid.
    """
    from sigstore.models import Bundle

    try:
        entry = read_entry(bundle)
        parsed = Bundle.from_json(bundle)
        kind, payload = root.verifier.verify_dsse(parsed, _IdentityLater())
    except VerificationError:
        raise
    except Exception as error:
        text = str(error) or type(error).__name__
        raise VerificationError(f"{' '.join(text.split())}") from error
    if kind != PAYLOAD_TYPE:
        raise VerificationError(f"the payload type is {kind!r}, not {PAYLOAD_TYPE!r}")
    return Signed(payload, parsed.signing_certificate, entry)


class _IdentityLater:
    """A policy that asks for no identity: `audit.identity` does, in lines of its own."""

    def verify(self, cert: x509.Certificate) -> None:
        """Accept every certificate of the root."""


def read_entry(bundle: bytes) -> LogEntry:
    """Return the log entry that a bundle carries, not yet verified; raise VerificationError."""
    if len(bundle) > MAX_BUNDLE:
        raise VerificationError(f"the bundle has more than {MAX_BUNDLE >> 20} MB")
    try:
        entries = read_json(bundle)["verificationMaterial"]["tlogEntries"]
        if len(entries) != 1:
            raise VerificationError(f"the bundle has {len(entries)} log entries instead of one")
        return _entry(entries[0])
    except (NotACertificateError, KeyError, TypeError, ValueError, IndexError) as error:
        what = error if isinstance(error, NotACertificateError) else "it lacks a complete log entry"
        raise VerificationError(f"this is no Sigstore bundle: {what}") from error


def read_payload(bundle: bytes) -> bytes:
    """Return the payload of a bundle without any verification; raise VerificationError."""
    import base64

    if len(bundle) > MAX_BUNDLE:
        raise VerificationError(f"the bundle has more than {MAX_BUNDLE >> 20} MB")
    try:
        return base64.b64decode(read_json(bundle)["dsseEnvelope"]["payload"], validate=True)
    except (NotACertificateError, KeyError, TypeError, ValueError) as error:
        raise VerificationError("this is no Sigstore bundle with an envelope") from error


def names_local_issuer(bundle: bytes) -> bool:
    """Tell whether a bundle's certificate says that a local instance issued it; nothing is verified."""
    import base64

    try:
        material = read_json(bundle)["verificationMaterial"]["certificate"]["rawBytes"]
        return LOCAL_ISSUER.encode() in base64.b64decode(material)
    except (NotACertificateError, KeyError, TypeError, ValueError):
        return False


def _entry(entry: dict[str, Any]) -> LogEntry:
    import base64

    proof = entry["inclusionProof"]
    time = int(entry["integratedTime"])
    if not entry["inclusionPromise"]["signedEntryTimestamp"] or time <= 0:
        raise VerificationError("the log entry has no signed time")
    note, _, _ = str(proof["checkpoint"]["envelope"]).partition("\n\n")
    signed = read_checkpoint(f"{note}\n")
    root = base64.b64decode(proof["rootHash"])
    # What is shown must be what was signed: verifiers look at one or the other.
    if (signed.size, signed.root) != (int(proof["treeSize"]), root):
        raise VerificationError("the tree of the log entry is not the one that the log signed")
    return LogEntry(
        log_id=base64.b64decode(entry["logId"]["keyId"]).hex(),
        index=int(proof["logIndex"]),
        size=int(proof["treeSize"]),
        root=root.hex(),
        time=time,
        checkpoint=str(proof["checkpoint"]["envelope"]),
        body_sha256=hashlib.sha256(base64.b64decode(entry["canonicalizedBody"])).hexdigest(),
    )
