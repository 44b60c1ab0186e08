"""A timestamp authority (RFC 3161), made with OpenSSL for as long as a test lasts."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from signed_results import b64

_CONFIGURATION = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
clock_precision_digits = 0
ess_cert_id_alg = sha256
"""


class TimestampAuthority:
    """An authority with its own root; `folder` is where OpenSSL finds its files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        above = _certificate("root", root.public_key(), root)
        own = _certificate("tsa", key.public_key(), root)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / "tsa.key").write_bytes(private)
        (folder / "tsa.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
        (folder / "tsa.cnf").write_text(_CONFIGURATION)
        self._chain = [c.public_bytes(serialization.Encoding.DER) for c in (own, above)]

    def trusted_by(self, root: dict[str, Any]) -> dict[str, Any]:
        """Return a trusted root with this authority in it."""
        authority = {
            "subject": {"organization": "here", "commonName": "tsa"},
            "uri": "https://tsa.test.invalid",
            "certChain": {"certificates": [{"rawBytes": b64(der)} for der in self._chain]},
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        }
        return {**root, "timestampAuthorities": [authority]}

    def stamp(self, data: bytes) -> bytes:
        """Return a timestamp response (DER) for some data."""
        (self._folder / "data").write_bytes(data)
        self._openssl("-query", "-data", "data", "-sha256", "-cert", "-out", "query")
        self._openssl("-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer")
        return (self._folder / "answer").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", "ts", *arguments], cwd=self._folder, check=True, capture_output=True
        )


def _certificate(
    name: str, public: ec.EllipticCurvePublicKey, root: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now, is_root = datetime.now(UTC), name == "root"
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if is_root:
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
    else:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(above, critical=False).add_extension(purpose, critical=True)
    return builder.sign(root, hashes.SHA256())
