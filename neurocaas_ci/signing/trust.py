"""What verifiers of an instance trust, in Sigstore's JSON formats; I/O is not handled here.

Formats: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from neurocaas_ci.signing.envelope import b64


@dataclass(frozen=True, slots=True)
class PublicParts:
    """The public half of an instance.

    `chain` holds the DER certificates from the issuing authority up to the root, `ct_log` and `log`
    are DER SubjectPublicKeyInfos of P-256 keys, `start` is the Unix time from which all are valid.
    `url` is the address of every service.
    """

    url: str
    start: int
    chain: tuple[bytes, ...]
    ct_log: bytes
    log: bytes

    @property
    def host(self) -> str:
        """Return the name under which the instance appears in certificates and checkpoints."""
        return self.url.split("://", 1)[1]


def trusted_root(parts: PublicParts) -> dict[str, Any]:
    """Return the trusted root of one instance; the chain goes up to the self-signed root.

    sigstore-js takes no other chain, and wants the checkpoints' name to be part of `baseUrl`.
    """
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [_log(parts, parts.log)],
        "certificateAuthorities": [
            {
                "subject": {"organization": parts.host, "commonName": "sigstore"},
                "uri": parts.url,
                "certChain": {"certificates": [{"rawBytes": b64(der)} for der in parts.chain]},
                "validFor": _from(parts),
            }
        ],
        "ctlogs": [_log(parts, parts.ct_log)],
        "timestampAuthorities": [],
    }


def client_trust_config(parts: PublicParts) -> dict[str, Any]:
    """Return the trusted root together with the addresses at which to sign (Rekor v1)."""
    service = {
        "url": parts.url,
        "majorApiVersion": 1,
        "operator": parts.host,
        "validFor": _from(parts),
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": trusted_root(parts),
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "oidcUrls": [service],
            "rekorTlogUrls": [service],
            "tsaUrls": [],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "ANY"},
        },
    }


def _log(parts: PublicParts, public: bytes) -> dict[str, Any]:
    return {
        "baseUrl": parts.url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(public),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": _from(parts),
        },
        "logId": {"keyId": b64(sha256(public).digest())},
    }


def _from(parts: PublicParts) -> dict[str, str]:
    return {"start": datetime.fromtimestamp(parts.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
