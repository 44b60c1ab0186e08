"""What a state key may look like, in every store."""

from __future__ import annotations

from neurocaas_ci.errors import UsageError


def check_key(key: str) -> str:
    """Return the key; raise UsageError for one that could leave the store."""
    if not key or any(part in {"", ".", ".."} for part in key.split("/")) or "\0" in key:
        raise UsageError(f"not a state key: {key!r}")
    return key
