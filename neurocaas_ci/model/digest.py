"""Content digests and the one canonical JSON form that is hashed; I/O is not handled here."""

from __future__ import annotations

import json
from typing import Any, NewType

from neurocaas_ci.patterns import late

Sha256 = NewType("Sha256", str)
"""A SHA-256 digest as 64 lower-case hexadecimal digits, without a prefix."""

_HEX64 = late(r"[0-9a-f]{64}")


def parse_sha256(text: str) -> Sha256:
    """Accept 64 hex digits, with or without the OCI prefix `sha256:`; raise ValueError otherwise."""
    digits = text.removeprefix("sha256:")
    if not _HEX64.fullmatch(digits):
        raise ValueError(f"not a SHA-256 digest: {text!r}")
    return Sha256(digits)


def oci_digest(digest: Sha256) -> str:
    """Return the `sha256:<hex>` form that OCI documents use."""
    return f"sha256:{digest}"


def sha256_bytes(data: bytes) -> Sha256:
    """Return the digest of bytes in memory."""
    # Loading OpenSSL takes as long as starting Python, and many commands compute no digest.
    import hashlib

    return Sha256(hashlib.sha256(data).hexdigest())


def canonical_json(value: Any) -> bytes:
    """Encode with sorted keys, no white space, UTF-8; raise ValueError for NaN and infinities."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
