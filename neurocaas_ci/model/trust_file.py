"""Trusted roots that a registry holds, in Sigstore's JSON formats; I/O is not handled here.

Formats: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto.
"""

from __future__ import annotations

from typing import Any

from neurocaas_ci.model.strict_json import StrictJsonError, read_strictly
from neurocaas_ci.named import NamedTuple

PUBLIC_GOOD = "public-good"
"""The name of the root that no registry has to hold."""

MAX_TRUST_FILE = 1 << 20

_FOLDER = "registry/trust"
_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_CONFIG = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


class TrustFile(NamedTuple):
    """What a file says: whose root it is, and whether it also says where to sign.

    `authorities` are the addresses of the instance's certificate authorities.
    """

    root: dict[str, Any]
    authorities: tuple[str, ...]
    is_config: bool


def trust_path(name: str) -> str:
    """Return where a registry holds the root of this name."""
    return f"{_FOLDER}/{name}.json"


def read_trust_file(content: bytes) -> TrustFile:
    """Read a trusted root or a client trust config.

    Raise ValueError in words for anything else. Keys are looked into by who verifies with them.
    """
    if len(content) > MAX_TRUST_FILE:
        raise ValueError(f"it has more than {MAX_TRUST_FILE >> 20} MB")
    try:
        found = read_strictly(content)
    except StrictJsonError as error:
        raise ValueError(str(error)) from error
    kind = found.get("mediaType") if isinstance(found, dict) else None
    root = found.get("trustedRoot") if kind == _CONFIG else found
    if kind not in {_ROOT, _CONFIG} or not isinstance(root, dict):
        raise ValueError("it is neither a trusted root nor a client trust config of Sigstore")
    authorities = root.get("certificateAuthorities")
    if root.get("mediaType") != _ROOT or not isinstance(authorities, list) or not authorities:
        raise ValueError("its trusted root has no certificate authority")
    addresses = tuple(
        str(one.get("uri", "")).rstrip("/") for one in authorities if isinstance(one, dict)
    )
    return TrustFile(root, addresses, kind == _CONFIG)
