"""Certificates as Fulcio issues them (RFC 5280); I/O and keys are not handled here.

Profile: https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md. Every
certificate here is signed with ECDSA and SHA-384. Tests read them back with OpenSSL,
`cryptography` and sigstore-python.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from neurocaas_ci.signing import der

Sign = Callable[[bytes], bytes]

FULCIO_ARC = "1.3.6.1.4.1.57264.1"
LIFETIME_SECONDS = 600

_FIRST_DER_EXTENSION = 8
_ECDSA_SHA384 = der.sequence(der.oid("1.2.840.10045.4.3.3"))
_CODE_SIGNING = der.sequence(der.oid("1.3.6.1.5.5.7.3.3"))
_DIGITAL_SIGNATURE = der.bits(b"\x80", unused=7)
_CERT_AND_CRL_SIGN = der.bits(b"\x06", unused=1)
_URI = 6
_VERSION_3 = der.explicit(0, der.integer(2))

_SCT_LIST = "1.3.6.1.4.1.11129.2.4.2"
_SCT_V1, _CERTIFICATE_TIMESTAMP, _PRECERT_ENTRY = 0, 0, 1
_SHA256, _ECDSA = 4, 3


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs a certificate: a DER Name, a public key (DER SubjectPublicKeyInfo) and its use."""

    name: bytes
    public: bytes
    sign: Sign


@dataclass(frozen=True, slots=True)
class CertificateLog:
    """A certificate transparency log: its id (SHA-256 of its public key) and its signature."""

    id: bytes
    sign: Sign


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate holds, in Unix seconds, both included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a signing certificate says of the holder of a public key (DER SubjectPublicKeyInfo).

    `identity` is the URI in its subject alternative name, `facts` the values of Fulcio's
    extensions by their number below FULCIO_ARC.
    """

    public: bytes
    identity: str
    facts: Mapping[int, str]


def name(organization: str, common_name: str) -> bytes:
    """Return a DER Name of an organization and a common name."""
    pairs = (("2.5.4.10", organization), ("2.5.4.3", common_name))
    return der.sequence(
        *(der.set_of(der.sequence(der.oid(kind), der.utf8(text))) for kind, text in pairs)
    )


def root_certificate(issuer: Issuer, serial: int, validity: Validity) -> bytes:
    """Return the self-signed certificate of an issuer that certifies other authorities."""
    extensions = _authority_extensions(issuer.public, issuer.public, path_length=1)
    tbs = _tbs(issuer, serial, validity, issuer.name, issuer.public, extensions)
    return _certificate(issuer, tbs)


def intermediate_certificate(
    issuer: Issuer, serial: int, validity: Validity, subject: bytes, public: bytes
) -> bytes:
    """Return the certificate of an authority that issues signing certificates and nothing else."""
    extensions = _authority_extensions(public, issuer.public, path_length=0)
    extensions.append(_extension("2.5.29.37", _CODE_SIGNING))
    return _certificate(issuer, _tbs(issuer, serial, validity, subject, public, extensions))


def leaf_certificate(
    issuer: Issuer, log: CertificateLog, serial: int, start: int, leaf: Leaf
) -> bytes:
    """Return a signing certificate, valid from `start` (Unix seconds) for LIFETIME_SECONDS.

    The log's promise to publish it is embedded: it covers the certificate without the promise (RFC
    6962, section 3.2), which is never signed by itself here.
    """
    validity = Validity(start, start + LIFETIME_SECONDS)
    extensions = [
        _extension("2.5.29.15", _DIGITAL_SIGNATURE, critical=True),
        _extension("2.5.29.37", _CODE_SIGNING),
        *_key_identifiers(leaf.public, issuer.public),
        # Critical, because there is no subject (RFC 5280, section 4.1.2.6).
        _extension(
            "2.5.29.17", der.sequence(der.context(_URI, leaf.identity.encode())), critical=True
        ),
        *(_fact(number, leaf.facts[number]) for number in sorted(leaf.facts)),
    ]
    nobody = der.sequence()
    precertificate = _tbs(issuer, serial, validity, nobody, leaf.public, extensions)
    scts = _sct_list(log, issuer.public, start, precertificate)
    extensions.append(_extension(_SCT_LIST, der.octets(scts)))
    return _certificate(issuer, _tbs(issuer, serial, validity, nobody, leaf.public, extensions))


def _sct_list(log: CertificateLog, issuer: bytes, start: int, precertificate: bytes) -> bytes:
    """Return a list of one signed certificate timestamp (RFC 6962, sections 3.2 and 3.3)."""
    # Whole seconds: sigstore-python takes the milliseconds through a float, which may lose one.
    milliseconds = start * 1000
    signed = (
        struct.pack("!BBQH", _SCT_V1, _CERTIFICATE_TIMESTAMP, milliseconds, _PRECERT_ENTRY)
        + hashlib.sha256(issuer).digest()
        + len(precertificate).to_bytes(3, "big")
        + precertificate
        + struct.pack("!H", 0)
    )
    signature = log.sign(signed)
    sct = struct.pack("!B32sQH", _SCT_V1, log.id, milliseconds, 0)
    sct += struct.pack("!BBH", _SHA256, _ECDSA, len(signature)) + signature
    return struct.pack("!HH", len(sct) + 2, len(sct)) + sct


def _fact(number: int, value: str) -> bytes:
    # The first ones are from before Fulcio encoded values as DER.
    encoded = value.encode() if number < _FIRST_DER_EXTENSION else der.utf8(value)
    return _extension(f"{FULCIO_ARC}.{number}", encoded)


def _authority_extensions(public: bytes, issuer: bytes, *, path_length: int) -> list[bytes]:
    constraints = der.sequence(der.true(), der.integer(path_length))
    return [
        _extension("2.5.29.15", _CERT_AND_CRL_SIGN, critical=True),
        _extension("2.5.29.19", constraints, critical=True),
        *_key_identifiers(public, issuer),
    ]


def _key_identifiers(subject: bytes, issuer: bytes) -> tuple[bytes, bytes]:
    """Return subject and authority key identifiers: SHA-256 of the key (RFC 7093, method 4)."""
    own, above = (hashlib.sha256(public).digest() for public in (subject, issuer))
    return (
        _extension("2.5.29.14", der.octets(own)),
        _extension("2.5.29.35", der.sequence(der.context(0, above))),
    )


def _extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = der.true() if critical else b""
    return der.sequence(der.oid(kind), flag, der.octets(value))


def _tbs(
    issuer: Issuer,
    serial: int,
    validity: Validity,
    subject: bytes,
    public: bytes,
    extensions: list[bytes],
) -> bytes:
    """Return the part of a certificate that is signed (RFC 5280, section 4.1)."""
    return der.sequence(
        _VERSION_3,
        der.integer(serial),
        _ECDSA_SHA384,
        issuer.name,
        der.sequence(der.time(validity.start), der.time(validity.end)),
        subject,
        public,
        der.explicit(3, der.sequence(*extensions)),
    )


def _certificate(issuer: Issuer, tbs: bytes) -> bytes:
    return der.sequence(tbs, _ECDSA_SHA384, der.bits(issuer.sign(tbs)))
