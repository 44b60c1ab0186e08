"""Make the authority of a Sigstore instance: a root that certifies once, and who issues for it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from neurocaas_ci.signing import fulcio_profile, keys
from neurocaas_ci.signing.fulcio_profile import Issuer, Validity

AUTHORITY_LIFETIME_SECONDS = 10 * 365 * 86_400
_SERIAL_BYTES = 16


@dataclass(frozen=True, slots=True)
class Authority:
    """The issuing authority's key, and the DER certificates from its own up to the root."""

    key: keys.Key
    chain: tuple[bytes, ...]


def make_authority(organization: str, start: int) -> Authority:
    """Make a root and an authority below it, both valid from `start` (Unix seconds).

    The root's key exists only for the one signature, so that nobody can make a second authority.
    """
    root, key = keys.generate("P-384"), keys.generate("P-384")
    validity = Validity(start, start + AUTHORITY_LIFETIME_SECONDS)
    issuer = Issuer(fulcio_profile.name(organization, "sigstore"), root.public, root.sign)
    chain = (
        fulcio_profile.intermediate_certificate(
            issuer, serial_number(), validity, issuing_name(organization), key.public
        ),
        fulcio_profile.root_certificate(issuer, serial_number(), validity),
    )
    return Authority(key, chain)


def issuing_name(organization: str) -> bytes:
    """Return the DER Name of the authority that issues signing certificates."""
    return fulcio_profile.name(organization, "sigstore-intermediate")


def serial_number() -> int:
    """Return a serial number: positive, unguessable, at most 20 octets (RFC 5280, 4.1.2.2)."""
    return int.from_bytes(os.urandom(_SERIAL_BYTES), "big") + 1
