"""Find logs that nothing names: a worker that dies between its log and its record leaves one behind.

Only what looks like a log of ours in every line is ever called so: outputs, inputs and images that
nothing names stay, whatever they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.model.digest import Sha256, parse_sha256
from neurocaas_ci.stores.interface import BlobStore, StateStore

# What documents of the state name contents in: records and specs, results to be taken again, datasets.
_NAMING = ("jobs", "results", "names", "images")
_LINE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ")
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# A line of a log has at most 8 KiB and its time; what is longer is none.
_LONGEST = 1 << 15


class Stored(NamedTuple):
    """A content of a store: its digest, size in bytes, and when it was stored (seconds since 1970)."""

    sha256: Sha256
    size: int
    time: float


class Listed(BlobStore, Protocol):
    """A store that can say what it has."""

    def listed(self) -> Iterator[tuple[str, int, float]]: ...  # noqa: D102 - as `Stored`


def orphaned_logs(
    blobs: Listed, state: StateStore, elsewhere: Iterable[bytes], before: float
) -> list[Stored]:
    """Return the logs that were stored before a time and that nothing names, oldest first.

    Named is what stands in a document of the state, or in one of `elsewhere` (manifests,
    certificates). Contents are listed before documents are read, so what a worker records meanwhile
    is seen.
    """
    old = [
        Stored(parse_sha256(name), size, time)
        for name, size, time in blobs.listed()
        # Nothing is saved by removing what is empty, and the next silent workflow needs it.
        if time < before and size
    ]
    named = {digest for document in elsewhere for digest in digests_in(document)}
    for prefix in _NAMING:
        for key in state.keys(prefix):
            named |= digests_in(state.read(key) or b"")
    unnamed = sorted((one for one in old if one.sha256 not in named), key=lambda one: one.time)
    return [one for one in unnamed if _is_log(blobs, one.sha256)]


def digests_in(document: bytes) -> set[str]:
    """Return everything in a document that may be a digest."""
    return {found.decode() for found in _DIGEST.findall(document)}


def _is_log(blobs: BlobStore, digest: Sha256) -> bool:
    try:
        with blobs.open(digest) as stream:
            while line := stream.readline(_LONGEST):
                if not _LINE.match(line) or len(line) == _LONGEST:
                    return False
    except IntegrityError:
        # Removed meanwhile, or damaged: not ours to sweep.
        return False
    return True
