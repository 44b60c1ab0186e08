"""Pair the leaves of structured element types and measure each; I/O is not handled here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from neurocaas_ci.audit.compare.figures import judged
from neurocaas_ci.audit.compare.measure import Block, Index, Locate, Measure, Shape, unravel
from neurocaas_ci.audit.compare.result import Part, different, merge, plain
from neurocaas_ci.audit.compare.tolerance import Tolerance

Convert = Callable[[Measure, np.dtype[Any], Block, Block, Locate], None]


class ArrayMeasure:
    """Measures of one array: one, or one per field of a structured type.

    `convert` gives a measure what blocks of Python objects stand for.
    """

    def __init__(
        self, dtype: np.dtype[Any], tolerance: Tolerance, convert: Convert | None = None
    ) -> None:
        self._tolerance = tolerance
        self._leaves = [(*leaf, Measure(tolerance)) for leaf in leaves(dtype)]
        self._convert = convert

    def add(self, expected: Block, actual: Block, locate: Locate) -> None:
        """Take in two one-dimensional blocks of whole elements."""
        for path, inner, dtype, measure in self._leaves:
            one, other = _field(expected, path), _field(actual, path)
            width = math.prod(inner)

            def place(at: int, width: int = width, inner: Shape = inner) -> Index:
                return (*locate(at // width), *unravel(at % width, inner))

            one, other = _flat(one), _flat(other)
            if self._convert is not None and one.dtype.hasobject:
                self._convert(measure, dtype, one, other, place)
            else:
                measure.add(one, other, place)

    def part(self) -> Part:
        """Return the verdict on the array."""
        if len(self._leaves) == 1 and not self._leaves[0][0]:
            return judged(self._leaves[0][3].distance(), self._tolerance)
        named = (
            (".".join(p), judged(m.distance(), self._tolerance)) for p, _, _, m in self._leaves
        )
        return merge(named, "field")


def leaves(dtype: np.dtype[Any]) -> Iterator[tuple[tuple[str, ...], Shape, np.dtype[Any]]]:
    """Yield path, shape and type of every field, down to fields that have none themselves."""
    base, shape = dtype.subdtype or (dtype, ())
    if base.fields is None:
        yield (), shape, base
        return
    for name in base.names or ():
        for path, below, plain_type in leaves(base.fields[name][0]):
            yield (name, *path), (*shape, *below), plain_type


def mismatch(
    expected: np.dtype[Any], actual: np.dtype[Any], shapes: tuple[Shape, Shape], *, bitwise: bool
) -> Part | None:
    """Return why two arrays cannot agree whatever they hold, None when they may.

    Widths of numbers and texts may differ, and byte order, unless bits are compared; then only
    byte order may.
    """
    if shapes[0] != shapes[1]:
        return different(
            f"has the shape {shapes[0]}, in the replay {shapes[1]}",
            shape=list(shapes[0]),
            replay_shape=list(shapes[1]),
        )
    if not (_native(expected) == _native(actual) if bitwise else _alike(expected, actual)):
        types = plain(str(expected), 80), plain(str(actual), 80)
        return different(
            f"has the type {types[0]}, in the replay {types[1]}",
            type=types[0],
            replay_type=types[1],
        )
    return None


def native(block: Block) -> Block:
    """Return a block in the byte order of this machine."""
    wanted = _native(block.dtype)
    return block if block.dtype == wanted else block.astype(wanted)


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("=")


def _alike(expected: np.dtype[Any], actual: np.dtype[Any]) -> bool:
    if expected.fields is not None or actual.fields is not None:
        if expected.names != actual.names or expected.fields is None or actual.fields is None:
            return False
        return all(
            _alike(expected.fields[name][0], actual.fields[name][0])
            for name in expected.names or ()
        )
    if expected.subdtype is not None and actual.subdtype is not None:
        return expected.shape == actual.shape and _alike(expected.base, actual.base)
    if expected.kind in "MmV":
        return _native(expected) == _native(actual)
    return expected.kind == actual.kind and expected.shape == actual.shape


def _field(block: Block, path: tuple[str, ...]) -> Block:
    for name in path:
        block = block[name]
    return block


def _flat(block: Block) -> Block:
    return block.reshape(-1)
