"""Compare text files of numbers as one array, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from neurocaas_ci.audit.compare.content import Content
from neurocaas_ci.audit.compare.delimited import Row, are_whole, numbers, rows, wholes
from neurocaas_ci.audit.compare.figures import judged
from neurocaas_ci.audit.compare.measure import Block, Index, Measure
from neurocaas_ci.audit.compare.result import Part, different, plain
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import UnreadableError

_DELIMITERS = (",", "\t", ";")
_HEADER = 100
_CELLS = 1 << 17


@dataclass(frozen=True, slots=True)
class _Survey:
    """The rows above the numbers, then the shape of the numbers and whether all are whole."""

    header: list[Row]
    shape: tuple[int, int]
    whole: bool


def compare(expected: Content, actual: Content, tolerance: Tolerance) -> Part:
    """Compare two matrices of text; rows above the numbers have to be equal.

    Cells are parted by the first of comma, tab and semicolon that the beginning of the original has,
    else by white space. Where all numbers of the original are whole, they are compared
    exactly. Raise UnreadableError when a side is no matrix.
    """
    delimiter = _delimiter(expected)
    left, right = (_survey(side, delimiter) for side in (expected, actual))
    if left.header != right.header:
        shown = (plain(str(side.header), 80) for side in (left, right))
        return different(f"begins with {', the replay with '.join(shown)}")
    if left.shape != right.shape:
        return different(f"has the shape {left.shape}, in the replay {right.shape}")
    used = Tolerance() if left.whole else tolerance
    measure = Measure(used)
    sides = (_batches(side, delimiter, len(left.header)) for side in (expected, actual))
    start = 0
    for one, other in zip(*sides, strict=True):

        def locate(at: int, start: int = start) -> Index:
            return divmod(start + at, left.shape[1])

        cells = [*chain.from_iterable(one)], [*chain.from_iterable(other)]
        measure.add(*_values(*cells, whole=left.whole and right.whole), locate)
        start += len(cells[0])
    part = judged(measure.distance(), used)
    return replace(part, facts={"shape": list(left.shape), **part.facts})


def _values(one: Row, other: Row, *, whole: bool) -> tuple[Block, Block]:
    if not whole:
        left, right = numbers(one), numbers(other)
        if left is not None and right is not None:
            return left, right
    return wholes(one, other)


def _delimiter(content: Content) -> str | None:
    head = content.head().decode("utf-8", "replace")
    return next((mark for mark in _DELIMITERS if mark in head), None)


def _survey(content: Content, delimiter: str | None) -> _Survey:
    header = []
    for row in islice(rows(content, delimiter), _HEADER):
        if numbers(row) is not None:
            break
        header.append(row)
    count = width = 0
    whole = True
    for batch in _batches(content, delimiter, len(header)):
        width = width or len(batch[0])
        cells = [*chain.from_iterable(batch)]
        if any(len(row) != width for row in batch) or numbers(cells) is None:
            at, row = next(
                (at, row)
                for at, row in enumerate(batch, len(header) + count + 1)
                if len(row) != width or numbers(row) is None
            )
            said = f"is no matrix of numbers: row {at:,} is {plain(str(row), 60)}"
            raise UnreadableError(content.side, said)
        count += len(batch)
        whole = whole and are_whole(cells)
    if not count:
        raise UnreadableError(content.side, "holds no numbers")
    return _Survey(header, (count, width), whole)


def _batches(content: Content, delimiter: str | None, skip: int) -> Iterator[list[Row]]:
    """Yield the rows of numbers, equally many at a time where they are equally wide."""
    found = islice(rows(content, delimiter), skip, None)
    size = 1
    while batch := [*islice(found, size)]:
        yield batch
        size = max(1, _CELLS // len(batch[0]))
