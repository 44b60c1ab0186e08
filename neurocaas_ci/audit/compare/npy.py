"""Compare arrays in the npy format of numpy, read as streams or mapped, never as a whole.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Pickled objects
are never loaded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.lib import format as npy_format

from neurocaas_ci.audit.compare.arrays import ArrayMeasure, mismatch, native
from neurocaas_ci.audit.compare.content import Content, Context, Limits, Stream, same, spooled
from neurocaas_ci.audit.compare.measure import Block, Index, Shape, unravel
from neurocaas_ci.audit.compare.result import Part, different, equivalent, impossible, plain
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import ImpossibleError, UnreadableError, reading

_BLOCK = 4 << 20
_WIDEST = 64 << 20
_PICKLED = "holds pickled Python objects, which are never loaded"


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the data; `fortran` means that the first index runs fastest."""

    dtype: np.dtype[Any]
    shape: Shape
    fortran: bool

    @property
    def elements(self) -> int:
        """Number of elements, 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def plain_order(self) -> bool:
        """Whether elements lie in one order whatever is called that order."""
        return sum(length != 1 for length in self.shape) <= 1


def compare(expected: Content, actual: Content, context: Context, tolerance: Tolerance) -> Part:
    """Compare two npy files; raise UnreadableError when one is none."""
    return compare_streams(expected.stream("npy"), actual.stream("npy"), context, tolerance)


def compare_streams(left: Stream, right: Stream, context: Context, tolerance: Tolerance) -> Part:
    """Compare two npy streams; raise UnreadableError when one is damaged."""
    expected, actual = _header(left), _header(right)
    if expected.dtype.hasobject or actual.dtype.hasobject:
        return _opaque(left, right, tolerance)
    shapes = expected.shape, actual.shape
    part = mismatch(expected.dtype, actual.dtype, shapes, bitwise=tolerance.bitwise)
    if part is not None:
        return part
    measure = ArrayMeasure(expected.dtype, tolerance)
    sides = (left, expected), (right, actual)
    in_step = expected.fortran == actual.fortran or expected.plain_order
    fortran = in_step and expected.fortran
    for start, one, other in _in_step(*sides) if in_step else _in_c_order(*sides, context.limits):

        def locate(at: int, start: int = start) -> Index:
            return unravel(start + at, expected.shape, fortran=fortran)

        measure.add(native(one), native(other), locate)
    part = measure.part()
    return Part(
        part.verdict, part.summary, part.details,
        {"type": plain(str(expected.dtype), 80), "shape": list(expected.shape), **part.facts}, part.used,
    )  # fmt: skip


def _header(stream: Stream) -> Header:
    # The third version differs from the second in the encoding of field names alone.
    read = {
        (1, 0): npy_format.read_array_header_1_0,
        (2, 0): npy_format.read_array_header_2_0,
        (3, 0): npy_format.read_array_header_2_0,
    }
    source = cast("Any", stream)
    with reading(stream.side, "npy"):
        shape, fortran, dtype = read[npy_format.read_magic(source)](source)
    if any(length < 0 for length in shape):
        raise UnreadableError(stream.side, "is not sound npy (a negative length)")
    if dtype.subdtype is not None:
        raise UnreadableError(stream.side, "is not sound npy (its type is an array)")
    if dtype.itemsize > _WIDEST:
        raise ImpossibleError(f"one element has {dtype.itemsize:,} bytes, too many to read at once")
    return Header(dtype, shape, fortran)


def _opaque(left: Stream, right: Stream, tolerance: Tolerance) -> Part:
    if not tolerance.bitwise:
        return impossible(_PICKLED)
    if same(left, right):
        return equivalent(f"{_PICKLED}, and has equal bytes")
    return different(f"{_PICKLED}, and has other bytes")


def _in_step(
    one: tuple[Stream, Header], other: tuple[Stream, Header]
) -> Iterator[tuple[int, Block, Block]]:
    """Yield blocks in the order in which both are stored."""
    widest = max(one[1].dtype.itemsize, other[1].dtype.itemsize)
    total = one[1].elements if widest else 0
    step = max(1, _BLOCK // max(1, widest))
    for start in range(0, total, step):
        count = min(step, total - start)
        yield start, _block(*one, count), _block(*other, count)
    for stream, _ in (one, other):
        if stream.read(1):
            raise UnreadableError(stream.side, "is not sound npy (bytes after the array)")


def _block(stream: Stream, header: Header, count: int) -> Block:
    size = count * header.dtype.itemsize
    data = stream.read(size)
    if len(data) < size:
        raise UnreadableError(stream.side, "is not sound npy (it ends before its array does)")
    return np.frombuffer(data, header.dtype)


def _in_c_order(
    one: tuple[Stream, Header], other: tuple[Stream, Header], limits: Limits
) -> Iterator[tuple[int, Block, Block]]:
    """Yield blocks in row-major order of arrays that are stored in different orders."""
    total = one[1].elements
    with (
        spooled(one[0], "", limits) as first,
        spooled(other[0], "", limits) as second,
    ):
        left, right = _mapped(first, one[1]), _mapped(second, other[1])
        step = max(1, _BLOCK // max(1, one[1].dtype.itemsize, other[1].dtype.itemsize))
        for start in range(0, total, step):
            stop = min(total, start + step)
            yield start, left.flat[start:stop], right.flat[start:stop]


def _mapped(content: Content, header: Header) -> Block:
    if content.size != header.elements * header.dtype.itemsize:
        raise UnreadableError(content.side, "is not sound npy (its size is not that of its array)")
    if content.size == 0:
        return np.empty(header.shape, header.dtype)
    file = cast("Any", content.file)
    with reading(content.side, "npy"):
        mapped: Block = np.memmap(
            file, header.dtype, "r", 0, header.shape, "F" if header.fortran else "C"
        )
    return mapped
