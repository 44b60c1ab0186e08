"""What a state key may look like, in every store."""

from __future__ import annotations

from neurocaas_ci.errors import UsageError

_NO_PARTS = frozenset({"", ".", ".."})


def check_key(key: str) -> str:
    """Return the key; raise UsageError for one that could leave the store."""
    if not _NO_PARTS.isdisjoint(key.split("/")) or "\0" in key:
        raise UsageError(f"not a state key: {key!r}")
    return key
