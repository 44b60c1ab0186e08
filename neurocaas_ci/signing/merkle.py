"""The Merkle tree of an append-only log (RFC 6962, section 2.1); I/O is not handled here.

A tree that only grows needs no more than its frontier: the roots of the perfect subtrees that its
leaves fall into, one for each bit of the size. They are also the audit path of the next leaf.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

_EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf; the prefix keeps it apart from inner nodes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\0" + entry).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` leaves: the roots of its perfect subtrees, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} subtrees cannot hold {self.size} leaves")

    def add(self, leaf: bytes) -> Frontier:
        """Return the tree with one more leaf, given by its hash."""
        peaks, node, rest = list(self.peaks), leaf, self.size
        while rest & 1:
            node, rest = _inner_hash(peaks.pop(), node), rest >> 1
        return Frontier(self.size + 1, (*peaks, node))

    @property
    def root(self) -> bytes:
        """Return the hash of the whole tree."""
        if not self.peaks:
            return _EMPTY_ROOT
        *larger, root = self.peaks
        for peak in reversed(larger):
            root = _inner_hash(peak, root)
        return root

    @property
    def path_of_next(self) -> tuple[bytes, ...]:
        """Return the audit path that the next leaf will have when it has been added."""
        return self.peaks[::-1]


def root_through(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that an audit path leads to (RFC 9162, section 2.1.3.2).

    `leaf` is a leaf's hash, `index` its number among `size` leaves. Raise ValueError for a path
    that no tree of this size has.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    node, position, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise ValueError("the audit path is too long")
        if position & 1 or position == last:
            node = _inner_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = _inner_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise ValueError("the audit path is too short")
    return node


def _inner_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
