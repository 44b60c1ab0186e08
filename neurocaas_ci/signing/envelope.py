"""DSSE envelopes, their entries in a Rekor log, and Sigstore bundles; I/O is not handled here.

Formats: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md, Rekor's `dsse/0.0.1`,
and https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.errors import VerificationError
from neurocaas_ci.model.digest import canonical_json, sha256_bytes
from neurocaas_ci.signing.interface import BUNDLE_TYPE, PAYLOAD_TYPE

ENTRY_KIND, ENTRY_VERSION = "dsse", "0.0.1"

_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PEM_WIDTH = 64


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as the log `log_id` acknowledged it: its place, the proof, and two signatures.

    `time` is in Unix seconds, `path` the audit path of leaf `index` in the tree of `size` leaves
    with this `root`; `promise` signs the entry (SET), `checkpoint` the tree.
    """

    log_id: bytes
    index: int
    size: int
    time: int
    body: bytes
    path: tuple[bytes, ...]
    root: bytes
    promise: bytes
    checkpoint: str


def require_statement(data: bytes) -> None:
    """Raise VerificationError unless these bytes are an in-toto statement v1 about something."""
    try:
        statement = json.loads(data.decode())
    except ValueError as error:
        raise not_a_statement(str(error)) from error
    if not isinstance(statement, dict) or statement.get("_type") != _STATEMENT_TYPE:
        raise not_a_statement(f"its _type is not {_STATEMENT_TYPE}")
    if not isinstance(statement.get("predicateType"), str):
        raise not_a_statement("it has no predicateType")
    if not isinstance(statement.get("subject"), list) or not statement["subject"]:
        raise not_a_statement("it has no subject")


def not_a_statement(reason: str) -> VerificationError:
    """Return the error for bytes that are no statement, with the reason."""
    return VerificationError(
        f"only in-toto statements are signed: {reason}",
        where="the statement",
        hint="nothing was signed or logged",
    )


def pae(payload: bytes) -> bytes:
    """Return what is signed for an in-toto payload (DSSE, "Signature Definition")."""
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def entry_body(payload: bytes, signature: bytes, certificate: bytes) -> bytes:
    """Return the canonical log entry of an envelope; `certificate` is DER.

    Verifiers cannot check the hash of the envelope, which has no canonical form; they check the
    payload's hash, the signature and the certificate.
    """
    envelope = canonical_json(_envelope(payload, signature))
    return canonical_json(
        {
            "apiVersion": ENTRY_VERSION,
            "kind": ENTRY_KIND,
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": sha256_bytes(envelope)},
                "payloadHash": {"algorithm": "sha256", "value": sha256_bytes(payload)},
                "signatures": [
                    {"signature": b64(signature), "verifier": b64(pem(certificate).encode())}
                ],
            },
        }
    )


def promise_payload(log_id: bytes, index: int, time: int, body: bytes) -> bytes:
    """Return what a log signs as its promise to include an entry (Rekor's SignedEntryTimestamp)."""
    return canonical_json(
        {"body": b64(body), "integratedTime": time, "logID": log_id.hex(), "logIndex": index}
    )


def bundle(payload: bytes, signature: bytes, certificate: bytes, entry: LogEntry) -> bytes:
    """Return a bundle v0.3 (JSON) of an envelope, its DER certificate and its log entry."""
    document = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {
            "certificate": {"rawBytes": b64(certificate)},
            "tlogEntries": [_tlog_entry(entry)],
        },
        "dsseEnvelope": _envelope(payload, signature),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def pem(certificate: bytes) -> str:
    """Return a DER certificate as PEM (RFC 7468)."""
    text = b64(certificate)
    lines = [text[start : start + _PEM_WIDTH] for start in range(0, len(text), _PEM_WIDTH)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def b64(data: bytes) -> str:
    """Return base64, as protobuf JSON spells bytes."""
    return base64.b64encode(data).decode()


def _envelope(payload: bytes, signature: bytes) -> dict[str, Any]:
    return {
        "payload": b64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": b64(signature)}],
    }


def _tlog_entry(entry: LogEntry) -> dict[str, Any]:
    # Protobuf JSON spells 64-bit numbers as strings.
    index = str(entry.index)
    return {
        "logIndex": index,
        "logId": {"keyId": b64(entry.log_id)},
        "kindVersion": {"kind": ENTRY_KIND, "version": ENTRY_VERSION},
        "integratedTime": str(entry.time),
        "inclusionPromise": {"signedEntryTimestamp": b64(entry.promise)},
        "inclusionProof": {
            "logIndex": index,
            "rootHash": b64(entry.root),
            "treeSize": str(entry.size),
            "hashes": [b64(node) for node in entry.path],
            "checkpoint": {"envelope": entry.checkpoint},
        },
        "canonicalizedBody": b64(entry.body),
    }
