"""Measure how far two arrays are apart, block by block, without overflow; I/O is not handled here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from neurocaas_ci.audit.compare.tolerance import Tolerance

Block: TypeAlias = NDArray[Any]
Shape = tuple[int, ...]
Index = tuple[int | str, ...]
Locate = Callable[[int], Index]

# Squares of numbers within these bounds neither overflow nor vanish, even summed over a block.
_LARGE, _SMALL = 2.0**400, 2.0**-400
_QUARTER = 2


@dataclass(frozen=True, slots=True)
class Spot:
    """One element that differs; in a table its index is the name of its row."""

    index: Index
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two arrays of `elements` elements are apart.

    `differing` counts elements with other values (other bits when asked for), `clashing` those of
    them that no tolerance covers: NaN on one side, another infinity, a missing one. `difference` and
    `size` are the norms of the difference and of the original over the finite elements, `None` for
    values that have no norm; `allowed` is what the tolerance gives.
    """

    elements: int
    differing: int
    clashing: int
    difference: Fraction | None
    size: Fraction | None
    allowed: Fraction
    first: Spot | None
    first_clash: Spot | None
    largest: Fraction | None
    largest_at: Spot | None
    within: bool

    @property
    def used(self) -> float:
        """The share of the tolerance that the difference needs."""
        if not self.difference or not self.allowed:
            return 0.0
        share = self.difference / self.allowed
        return float(share) if share < 1 << 1000 else math.inf


class _Norm:
    """A norm over many blocks; sums of squares are kept apart by their power of two."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._peak = Fraction(0)
        self._squares: dict[int, float] = {}

    def add(self, sizes: Block, exponent: int) -> None:
        """Take in magnitudes, given in units of 2**exponent."""
        peak = sizes.max(initial=0)
        if not peak:
            return
        self._peak = max(self._peak, exact(peak) * Fraction(2) ** exponent)
        if self._kind == "l2":
            shift = 0 if _SMALL < peak < _LARGE else int(np.frexp(peak)[1])
            scaled = np.ldexp(sizes, -shift) if shift else sizes
            key = shift + exponent
            self._squares[key] = self._squares.get(key, 0.0) + float(np.dot(scaled, scaled))

    def value(self) -> Fraction:
        """Return the norm."""
        if self._kind == "max" or not self._squares:
            return self._peak
        top = max(self._squares)
        total = sum(math.ldexp(s, 2 * max(key - top, -2000)) for key, s in self._squares.items())
        return Fraction(math.sqrt(total)) * Fraction(2) ** top


class Measure:
    """Take in an array and its counterpart in blocks, then tell their distance."""

    def __init__(self, tolerance: Tolerance) -> None:
        self._tolerance = tolerance
        self._difference = _Norm(tolerance.norm)
        self._size = _Norm(tolerance.norm)
        self._elements = self._differing = self._clashing = 0
        self._first: Spot | None = None
        self._first_clash: Spot | None = None
        self._largest: Fraction | None = None
        self._largest_at: Spot | None = None
        self._real = False

    def add(self, expected: Block, actual: Block, locate: Locate) -> None:
        """Take in two blocks, one-dimensional, of the same length and kind, in native byte order.

        `locate` turns a position in the block into an index of the array.
        """
        self._elements += expected.size
        if expected.dtype.kind in "fc":
            self._real = True
            with np.errstate(all="ignore"):
                self._add_real(expected, actual, locate)
            return
        mask = _unequal(expected, actual)
        self._count(mask, expected, actual, locate)
        if expected.dtype.kind in "iu" and mask.any():
            # Differences of 64-bit integers fit into unsigned ones.
            high, low = np.maximum(expected, actual), np.minimum(expected, actual)
            gaps = high.astype(np.uint64) - low.astype(np.uint64)
            self._peak(gaps, 0, expected, actual, locate)

    def add_missing(self, spot: Spot) -> None:
        """Count an element that has no counterpart on the other side."""
        self._clashing += 1
        self._differing += 1
        self._first_clash = self._first_clash or spot
        self._first = self._first or spot

    def distance(self) -> Distance:
        """Return what all blocks together give."""
        tolerance = self._tolerance
        difference = self._difference.value() if self._real else None
        size = self._size.value() if self._real else None
        allowed = tolerance.atol + tolerance.rtol * (size or 0)
        within = self._differing == 0
        if difference is not None and not tolerance.zero:
            within = self._clashing == 0 and difference <= allowed
        return Distance(
            self._elements, self._differing, self._clashing, difference, size, allowed,
            self._first, self._first_clash, self._largest, self._largest_at, within,
        )  # fmt: skip

    def _add_real(self, expected: Block, actual: Block, locate: Locate) -> None:
        left, right = _components(expected), _components(actual)
        finite = np.isfinite(left)
        self._size.add(*_magnitudes(left if finite.all() else np.where(finite, left, 0), None))
        if expected.dtype == actual.dtype and not _bits_differ(expected, actual).any():
            return
        finite &= np.isfinite(right)
        other = left != right
        if not finite.all():
            other &= ~(np.isnan(left) & np.isnan(right))
            clash = (other & ~finite).any(axis=1)
            self._clashing += int(np.count_nonzero(clash))
            if self._first_clash is None and clash.any():
                self._first_clash = _spot(int(clash.argmax()), expected, actual, locate)
            left, right = np.where(finite, left, 0), np.where(finite, right, 0)
        bitwise = self._tolerance.bitwise and not _padded(expected)
        mask = _bits_differ(expected, actual) if bitwise else other.any(axis=1)
        self._count(mask, expected, actual, locate)
        gaps, exponent = _magnitudes(left, right)
        self._difference.add(gaps, exponent)
        self._peak(gaps, exponent, expected, actual, locate)

    def _count(self, mask: NDArray[np.bool_], one: Block, other: Block, locate: Locate) -> None:
        self._differing += int(np.count_nonzero(mask))
        if self._first is None and mask.any():
            self._first = _spot(int(mask.argmax()), one, other, locate)

    def _peak(self, gaps: Block, exponent: int, one: Block, other: Block, locate: Locate) -> None:
        at = int(gaps.argmax()) if gaps.size else 0
        if not gaps.size or not gaps[at]:
            return
        peak = exact(gaps[at]) * Fraction(2) ** exponent
        if self._largest is None or peak > self._largest:
            self._largest = peak
            self._largest_at = _spot(at, one, other, locate)


def exact(value: Any) -> Fraction:
    """Return a finite numpy number without rounding."""
    if isinstance(value, np.integer):
        return Fraction(int(value))
    return Fraction(*value.as_integer_ratio())


def unravel(position: int, shape: Shape, *, fortran: bool = False) -> Shape:
    """Return the index of the element that is stored at a position."""
    index = []
    for length in shape if fortran else reversed(shape):
        position, rest = divmod(position, length)
        index.append(rest)
    return tuple(index if fortran else reversed(index))


def _components(block: Block) -> Block:
    """Return real numbers that hold differences exactly enough, shape (n, 1), complex ones (n, 2)."""
    if block.dtype.kind == "c":
        wide = np.ascontiguousarray(block, np.result_type(block, np.complex128))
        return wide.view(wide.real.dtype).reshape(-1, 2)
    return block.astype(np.result_type(block, np.float64), copy=False).reshape(-1, 1)


def _magnitudes(left: Block, right: Block | None) -> tuple[Block, int]:
    """Return |left - right| per element, in units of 2**exponent so that nothing overflows."""
    for exponent in (0, _QUARTER):
        scale = 2.0**-exponent
        gap = left * scale if exponent else left
        if right is not None:
            gap = gap - (right * scale if exponent else right)
        sizes: Block = np.abs(gap[:, 0]) if gap.shape[1] == 1 else np.hypot(gap[:, 0], gap[:, 1])
        if exponent or bool(np.isfinite(sizes).all()):
            break
    return sizes, exponent


def _unequal(expected: Block, actual: Block) -> NDArray[np.bool_]:
    if expected.dtype == actual.dtype and not expected.dtype.hasobject:
        return _bits_differ(expected, actual)
    mask: NDArray[np.bool_] = np.asarray(expected != actual, dtype=bool)
    return mask


def _bits_differ(expected: Block, actual: Block) -> NDArray[np.bool_]:
    """Return which elements of two blocks of one type differ in any bit."""
    width = expected.dtype.itemsize
    if width == 0:
        return np.zeros(expected.size, dtype=bool)
    word = np.dtype(f"u{width}") if width in {1, 2, 4, 8} else np.dtype("u1")
    shape = (expected.size, width // word.itemsize)
    one = np.ascontiguousarray(expected).view(word).reshape(shape)
    other = np.ascontiguousarray(actual).view(word).reshape(shape)
    mask: NDArray[np.bool_] = (one != other).any(axis=1)
    return mask


def _padded(block: Block) -> bool:
    """Whether elements hold bytes without meaning, as the 80-bit numbers of x86 do."""
    return block.dtype in (np.longdouble, np.clongdouble)


def _spot(at: int, expected: Block, actual: Block, locate: Locate) -> Spot:
    return Spot(locate(at), _show(expected, at), _show(actual, at))


def _show(block: Block, at: int) -> str:
    """Return one element as text; text that is no Unicode shows its bytes."""
    try:
        value = block[at]
        return (
            repr(block[at : at + 1].tolist()[0]) if isinstance(value, str | bytes) else str(value)
        )
    except (SystemError, ValueError):
        return block[at : at + 1].tobytes().hex()
