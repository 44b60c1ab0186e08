"""Whoever holds the keys of an instance, and issues and logs with them what no honest one would.

Certificates are made with `cryptography` here, not with the profile that is tested.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore_instance import SigstoreInstance

from neurocaas_ci.signing import keys
from neurocaas_ci.signing.envelope import bundle, entry_body
from neurocaas_ci.signing.fulcio_profile import FULCIO_ARC
from neurocaas_ci.signing.identities import LOCAL_IDENTITY, LOCAL_ISSUER
from neurocaas_ci.signing.interface import PAYLOAD_TYPE, Origin
from neurocaas_ci.signing.local_sigstore import LocalSigstore
from neurocaas_ci.signing.transparency_log import TransparencyLog

_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_LIFETIME = timedelta(minutes=10)
_DER_FACTS = 8

Promise = Callable[[bytes, int], bytes]
"""From what is to be promised (a precertificate) and seconds since 1970 to a list of promises."""


@dataclass(frozen=True)
class Wish:
    """What to put into a signing certificate, and when to log with it.

    `late` is in seconds after the certificate began to be valid; `without` names extensions that
    are left out (`usage`, `promise`, `keys`); `promise` replaces the certificate log's.
    """

    facts: Mapping[int, str]
    identity: str = LOCAL_IDENTITY
    late: int = 0
    without: frozenset[str] = frozenset()
    promise: Promise | None = None
    payload_type: str = PAYLOAD_TYPE


@dataclass(frozen=True)
class Notary:
    """The keys of an instance and its log; `chain` is DER, from the issuing authority on."""

    chain: tuple[bytes, ...]
    ca: keys.Key
    ct_log: keys.Key
    log: TransparencyLog

    @classmethod
    def of_local(cls, local: LocalSigstore) -> Notary:
        instance = local._instance
        return cls(instance.parts.chain, instance.ca, instance.ct_log, local._log)

    @classmethod
    def of_instance(cls, instance: SigstoreInstance) -> Notary:
        return cls(instance.parts.chain, instance.authority.key, instance.ct_log, instance.log)

    def sign(self, statement: bytes, wish: Wish) -> bytes:
        """Return a bundle around a statement, signed and logged in the way that is wished for."""
        key = keys.generate("P-256")
        start = int(time.time())
        certificate = self.certificate(key, start, wish)
        kind = wish.payload_type
        signature = key.sign(f"DSSEv1 {len(kind)} {kind} {len(statement)} ".encode() + statement)
        body = entry_body(statement, signature, certificate)
        entry = self.log.append(body, start + wish.late)
        document = json.loads(bundle(statement, signature, certificate, entry))
        document["dsseEnvelope"]["payloadType"] = kind
        return json.dumps(document).encode()

    def certificate(self, key: keys.Key, start: int, wish: Wish) -> bytes:
        """Return a DER certificate that is valid from `start` (seconds since 1970)."""
        begin = datetime.fromtimestamp(start, UTC)
        issuer = x509.load_der_x509_certificate(self.chain[0])
        public = key.private.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + _LIFETIME)
        )
        for extension, critical in self._extensions(public, issuer, wish):
            builder = builder.add_extension(extension, critical)
        if "promise" not in wish.without:
            unpromised = builder.sign(self.ca.private, hashes.SHA384()).tbs_certificate_bytes
            promises = (wish.promise or self.promise)(unpromised, start)
            listed = x509.UnrecognizedExtension(_SCT_LIST, _octets(promises))
            builder = builder.add_extension(listed, critical=False)
        signed = builder.sign(self.ca.private, hashes.SHA384())
        return signed.public_bytes(serialization.Encoding.DER)

    def promise(self, precertificate: bytes, start: int) -> bytes:
        """Return the certificate log's list of one promise (RFC 6962, section 3.2)."""
        signed = (
            struct.pack("!BBQH", 0, 0, start * 1000, 1) + hashlib.sha256(self.ca.public).digest()
        )
        signed += len(precertificate).to_bytes(3, "big") + precertificate + b"\0\0"
        signature = self.ct_log.sign(signed)
        sct = struct.pack("!B32sQH", 0, keys.key_id(self.ct_log.public), start * 1000, 0)
        sct += struct.pack("!BBH", 4, 3, len(signature)) + signature
        return struct.pack("!HH", len(sct) + 2, len(sct)) + sct

    def _extensions(self, public, issuer: x509.Certificate, wish: Wish):
        yield _usage(), True
        if "usage" not in wish.without:
            yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False
        if "keys" not in wish.without:
            above = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            yield x509.SubjectKeyIdentifier.from_public_key(public), False
            make = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier
            yield make(above), False
        name = x509.UniformResourceIdentifier(wish.identity)
        yield x509.SubjectAlternativeName([name]), True
        for number, value in wish.facts.items():
            oid = x509.ObjectIdentifier(f"{FULCIO_ARC}.{number}")
            data = value.encode()
            encoded = data if number < _DER_FACTS else b"\x0c" + _length(data) + data
            yield x509.UnrecognizedExtension(oid, encoded), False


def facts_of(origin: Origin, issuer: str = LOCAL_ISSUER) -> dict[int, str]:
    """Return what the certificate of a local instance says of an origin."""
    return {
        1: issuer, 8: issuer, 11: origin.mode, 12: origin.repository, 13: origin.commit,
        14: origin.ref, 21: origin.invocation,
    }  # fmt: skip


def merged(*roots: Mapping[str, Any]) -> dict[str, Any]:
    """Return one trusted root that trusts whatever several trust."""
    first, *others = (json.loads(json.dumps(root)) for root in roots)
    for other in others:
        for kind in ("tlogs", "certificateAuthorities", "ctlogs"):
            first[kind] += other[kind]
    return first


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _octets(data: bytes) -> bytes:
    return b"\x04" + _length(data) + data


def _length(data: bytes) -> bytes:
    """Return the length of DER content (X.690, section 8.1.3)."""
    size = len(data)
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
