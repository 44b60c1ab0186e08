"""Elliptic-curve keys, the one place where this package uses `cryptography`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from neurocaas_ci.errors import UsageError

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
except ModuleNotFoundError as error:
    raise UsageError(
        f"signing needs a package that is not installed: {error.name}",
        hint="install the extra: pip install 'neurocaas-ci[sign]'",
    ) from error

Curve = Literal["P-256", "P-384"]

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
# Sigstore ties the hash to the curve (client-spec, "Signing algorithms").
_HASHES = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384()}


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, and its public half as a DER SubjectPublicKeyInfo."""

    private: ec.EllipticCurvePrivateKey
    public: bytes

    def sign(self, data: bytes) -> bytes:
        """Return the DER signature (ECDSA) of data, hashed with the curve's own hash."""
        return self.private.sign(data, ec.ECDSA(_HASHES[self.private.curve.name]))

    def pem(self) -> bytes:
        """Return the private key as unencrypted PKCS #8."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def generate(curve: Curve) -> Key:
    """Make a new key."""
    return _key(ec.generate_private_key(_CURVES[curve]))


def load(pem: bytes) -> Key:
    """Read a private key; raise ValueError for anything but a key on one of the two curves."""
    try:
        private = serialization.load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name not in _HASHES:
        raise ValueError("not a P-256 or P-384 key")
    return _key(private)


def key_id(public: bytes) -> bytes:
    """Return the id of a log with this public key (RFC 6962, section 3.2)."""
    return hashlib.sha256(public).digest()


def is_signed(public: bytes, signature: bytes, data: bytes) -> bool:
    """Tell whether a DER signature of data verifies with a public key."""
    key = serialization.load_der_public_key(public)
    assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - all public keys are from Key
    try:
        key.verify(signature, data, ec.ECDSA(_HASHES[key.curve.name]))
    except InvalidSignature:
        return False
    return True


def _key(private: ec.EllipticCurvePrivateKey) -> Key:
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Key(private, public)
