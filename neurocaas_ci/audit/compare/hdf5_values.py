"""Compare the values of two HDF5 data sets or attributes, a block at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5s, h5t, h5z

from neurocaas_ci.audit.compare.arrays import ArrayMeasure, leaves, mismatch, native
from neurocaas_ci.audit.compare.content import Budget
from neurocaas_ci.audit.compare.hdf5_objects import References
from neurocaas_ci.audit.compare.measure import Block, Index, Shape, unravel
from neurocaas_ci.audit.compare.result import Part, different, equivalent, impossible, plain
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import ImpossibleError, Side, reading

_BLOCK = 4 << 20
_OBJECTS = 1 << 14


class Values:
    """A data set or an attribute: its type, its shape (None when it has no values), its blocks."""

    def __init__(self, side: Side, handle: Any) -> None:
        self.side = side
        self._handle = handle
        self._in_blocks = isinstance(handle, h5d.DatasetID)
        with reading(side, "HDF5"):
            self.type = handle.get_type()
            space = handle.get_space()
            null = space.get_simple_extent_type() == h5s.NULL
            self.shape: Shape | None = None if null else tuple(space.get_simple_extent_dims())
            self.dtype: np.dtype[Any] | None = _numpy_type(self.type)

    def obstacle(self) -> str | None:
        """Return why the values are out of reach, None when they are not."""
        if self.dtype is None:
            return "has a type that numpy does not know"
        if not self._in_blocks:
            return None
        with reading(self.side, "HDF5"):
            layout = self._handle.get_create_plist()
            if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
                return "keeps its values in other files, which are not opened"
            for position in range(layout.get_nfilters()):
                code = layout.get_filter(position)[0]
                if not h5z.filter_avail(code):
                    return f"is packed with filter {code}, which is not available here"
        return None

    def places(self, shape: Shape) -> Iterator[tuple[Shape, Shape]]:
        """Yield start and size of blocks that cover the shape, in multiples of stored chunks."""
        if math.prod(shape) == 0:
            return
        if not self._in_blocks:
            yield (0,) * len(shape), shape
            return
        with reading(self.side, "HDF5"):
            layout = self._handle.get_create_plist()
            chunk = layout.get_chunk() if layout.get_layout() == h5d.CHUNKED else (1,) * len(shape)
        yield from _blocks(shape, chunk, self.dtype)

    def block(self, start: Shape, count: Shape) -> Block:
        """Return the values of one block, one after the other."""
        values = np.empty(count, self.dtype)
        with reading(self.side, "HDF5"):
            memory = h5t.py_create(self.dtype)
            if not self._in_blocks:
                self._handle.read(values, memory)
            elif not start:
                self._handle.read(h5s.ALL, h5s.ALL, values, memory)
            else:
                space = self._handle.get_space()
                space.select_hyperslab(start, count)
                self._handle.read(h5s.create_simple(count), space, values, memory)
        return native(values).reshape(math.prod(count), *values.shape[len(count) :])


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all values of two files."""

    tolerance: Tolerance
    budget: Budget
    references: References


def compare_values(left: Values, right: Values, terms: Terms) -> Part:
    """Compare types, shapes and values.

    Raise UnreadableError when the library refuses one, ImpossibleError when a bound is reached.
    """
    if left.shape is None or right.shape is None:
        if left.shape == right.shape and left.type.equal(right.type):
            return equivalent("has no values")
        return different("has no values on one side, or another type")
    obstacle = left.obstacle() or right.obstacle()
    if obstacle is not None or left.dtype is None or right.dtype is None:
        return impossible(obstacle or "")
    shapes = left.shape, right.shape
    name = plain(str(left.dtype), 80)
    part = mismatch(left.dtype, right.dtype, shapes, bitwise=terms.tolerance.bitwise)
    if part is None and not _same_kinds(left, right, bitwise=terms.tolerance.bitwise):
        part = different(f"is stored in another type, which numpy reads as {name}, too")
    if part is not None:
        return part
    size = math.prod(left.shape) * (left.dtype.itemsize + right.dtype.itemsize)
    if size > terms.budget.left:
        raise ImpossibleError(f"declares {size:,} bytes, more than are read for one output")
    measure = ArrayMeasure(left.dtype, terms.tolerance, terms.references.add)
    for start, count in left.places(left.shape):
        one, other = left.block(start, count), right.block(start, count)
        terms.budget.spend(one.nbytes + other.nbytes)
        _take_in(measure, one, other, start, count)
    part = measure.part()
    facts = {"type": name, "shape": list(left.shape), **part.facts}
    return Part(part.verdict, part.summary, part.details, facts, part.used)


def _take_in(measure: ArrayMeasure, one: Block, other: Block, start: Shape, count: Shape) -> None:
    """Give the measure a block in pieces: a chunk can be much larger than what is best at once."""
    step = max(1, _BLOCK // max(1, one.nbytes // len(one)))
    for first in range(0, len(one), step):

        def locate(at: int, first: int = first) -> Index:
            inside = unravel(first + at, count)
            return tuple(a + b for a, b in zip(start, inside, strict=True))

        measure.add(one[first : first + step], other[first : first + step], locate)


def _same_kinds(left: Values, right: Values, *, bitwise: bool) -> bool:
    if bitwise:
        return bool(left.type.equal(right.type))
    return _kinds(left.dtype) == _kinds(right.dtype)


def _kinds(dtype: np.dtype[Any] | None) -> list[str]:
    return [] if dtype is None else [_kind(leaf) for _, _, leaf in leaves(dtype)]


def _kind(dtype: np.dtype[Any]) -> str:
    """Return what Python objects of a type stand for; numpy has one type for all of them."""
    if (reference := h5py.check_ref_dtype(dtype)) is not None:
        return str(reference)
    if h5py.check_string_dtype(dtype) is not None:
        return "text"
    base = h5py.check_vlen_dtype(dtype)
    return dtype.kind if base is None else f"list of {_kind(np.dtype(base))}"


def _blocks(shape: Shape, chunk: Shape, dtype: Any) -> Iterator[tuple[Shape, Shape]]:
    room = _OBJECTS if dtype.hasobject else max(1, _BLOCK // max(1, dtype.itemsize))
    size = [min(part, length) for part, length in zip(chunk, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        size[axis] = min(shape[axis], size[axis] * max(1, room // math.prod(size)))
        if size[axis] < shape[axis]:
            break
    starts = (range(0, length, part) for length, part in zip(shape, size, strict=True))
    for start in product(*starts):
        ends = zip(start, size, shape, strict=True)
        yield start, tuple(min(part, length - at) for at, part, length in ends)


def _numpy_type(type_id: Any) -> np.dtype[Any] | None:
    try:
        dtype: np.dtype[Any] = type_id.dtype
    except TypeError:
        return None
    return dtype
