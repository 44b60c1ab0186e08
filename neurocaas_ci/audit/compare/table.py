"""Compare text tables column by column, their rows in order or by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import Any, Literal

import numpy as np

from neurocaas_ci.audit.compare.content import Content, Limits
from neurocaas_ci.audit.compare.delimited import (
    Row,
    are_whole,
    delimiter_of,
    numbers,
    rows,
    wholes,
)
from neurocaas_ci.audit.compare.figures import judged
from neurocaas_ci.audit.compare.measure import Index, Measure, Spot
from neurocaas_ci.audit.compare.result import (
    Part,
    bounded,
    different,
    merge,
    plain,
    plural,
)
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import ImpossibleError, Side, UnreadableError

_CELLS = 1 << 17
_NAMED = 5

_Kind = Literal["ignored", "text", "whole", "number"]
_Pair = tuple[str, Row | None, Row | None]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, what it holds in the original, and the measure of its differences."""

    name: str
    position: int
    kind: _Kind
    tolerance: Tolerance
    measure: Measure

    def add(self, labels: Sequence[str], one: Row, other: Row) -> None:
        """Take in the cells of some rows."""

        def locate(at: int) -> Index:
            return (labels[at],)

        if self.kind == "text":
            self.measure.add(np.array(one, object), np.array(other, object), locate)
        elif self.kind == "whole":
            self.measure.add(*wholes(one, other), locate)
        elif self.kind == "number":
            self._add_numbers(labels, one, other)

    def _add_numbers(self, labels: Sequence[str], one: Row, other: Row) -> None:
        kept: Sequence[int] = range(len(one))
        right = numbers(other)
        if right is None:
            kept = [at for at in kept if numbers([other[at]]) is not None]
            for at in sorted({*range(len(one))} - {*kept}):
                self.measure.add_missing(Spot((labels[at],), one[at], repr(other[at])))
            right = numbers([other[at] for at in kept])
        left = numbers([one[at] for at in kept])
        if left is not None and right is not None:
            self.measure.add(left, right, lambda at: (labels[kept[at]],))

    def part(self) -> Part:
        """Return the verdict on the column."""
        used = self.tolerance if self.kind == "number" else Tolerance()
        return judged(self.measure.distance(), used)


@dataclass(slots=True)
class _Lone:
    """Rows that only one side has: how many, and the names of the first."""

    side: Side
    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < _NAMED:
            self.names.append(plain(name, 30))

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.names) else ""
        verb = "is" if self.count == 1 else "are"
        return (
            f"{plural(self.count, 'row')} {verb} only in the {self.side}: "
            f"{', '.join(self.names)}{more}"
        )


def compare(expected: Content, actual: Content, rule: Mapping[str, Any], limits: Limits) -> Part:
    """Compare two tables whose first row names the columns.

    Columns that are numbers in the original are compared by norm, others exactly; whole numbers too,
    unless `columns` gives them a tolerance. Raise UnreadableError when a side is no table or lacks
    its key, ImpossibleError when it is too large.
    """
    delimiter = delimiter_of(expected.name, rule.get("format"))
    header, others = (_header(side, delimiter, limits) for side in (expected, actual))
    if header != others:
        return _other_header(header, others)
    columns = _columns(expected, delimiter, header, rule)
    if rule.get("key"):
        keys = [_position(header, name) for name in rule["key"]]
        pairs = _by_key(expected, actual, delimiter, keys, limits)
    else:
        pairs = _by_row(expected, actual, delimiter)
    lone = _Lone("original"), _Lone("replay")
    batch: list[tuple[str, Row, Row]] = []
    while found := [*islice(pairs, max(1, _CELLS // len(header)))]:
        batch.clear()
        for label, one, other in found:
            if one is not None and other is not None:
                batch.append((label, one, other))
            else:
                lone[one is None].add(label)
        labels = [label for label, _, _ in batch]
        for column in columns:
            at = column.position
            column.add(labels, [one[at] for _, one, _ in batch], [b[at] for _, _, b in batch])
    compared = [column for column in columns if column.kind != "ignored"]
    ignored = [column.name for column in columns if column.kind == "ignored"][:_NAMED]
    facts = {"ignored": ignored} if ignored else {}
    part = merge(((column.name, column.part()) for column in compared), "column", **facts)
    return _with_lone(part, [side for side in lone if side.count])


def _with_lone(part: Part, lone: list[_Lone]) -> Part:
    if not lone:
        return part
    said = "; ".join(plural(side.count, "row") + f" only in the {side.side}" for side in lone)
    summary = f"{said}; {part.summary}" if part.verdict == "different" else said
    details = bounded([*(plain(str(side)) for side in lone), *part.details])
    rows_of = {f"rows_only_in_{side.side}": side.count for side in lone}
    return Part("different", summary, details, {**part.facts, **rows_of})


def _other_header(header: Row, others: Row) -> Part:
    missing = [name for name in header if name not in others]
    added = [name for name in others if name not in header]
    if missing or added:
        lines = [f"column {name} is only in the original" for name in missing]
        lines += [f"column {name} is only in the replay" for name in added]
    else:
        lines = [f"expected {', '.join(header)}", f"got {', '.join(others)}"]
    said = "has other columns" if missing or added else "has its columns in another order"
    return different(said, *bounded(plain(line) for line in lines))


def _header(content: Content, delimiter: str, limits: Limits) -> Row:
    header = next(rows(content, delimiter), None)
    if header is None:
        raise UnreadableError(content.side, "is no table: it has no header")
    if len(header) > limits.columns:
        raise ImpossibleError(f"a table has more than {plural(limits.columns, 'column')}")
    return header


def _position(header: Row, name: str) -> int:
    if name not in header:
        raise UnreadableError("original", f"has no column `{plain(name)}`, which is its key")
    return header.index(name)


def _columns(
    content: Content, delimiter: str, header: Row, rule: Mapping[str, Any]
) -> list[_Column]:
    """Return the columns, with what the cells of the original show that they hold."""
    shared = {name: rule[name] for name in ("rtol", "atol", "norm") if name in rule}
    own = [dict(rule.get("columns", {}).get(name, {})) for name in header]
    kinds = _kinds(content, delimiter, len(header))
    columns = []
    for position, (name, found) in enumerate(zip(header, kinds, strict=True)):
        said = own[position]
        kind = "text" if name in rule.get("key", ()) else _declared(found, said)
        tolerance = Tolerance.of({**shared, **said})
        measure = Measure(tolerance if kind == "number" else Tolerance())
        columns.append(_Column(plain(name, 80), position, kind, tolerance, measure))
    return columns


def _declared(kind: _Kind, said: Mapping[str, Any]) -> _Kind:
    if said.get("ignore"):
        return "ignored"
    return "number" if kind == "whole" and said.keys() & {"rtol", "atol"} else kind


def _kinds(content: Content, delimiter: str, width: int) -> list[_Kind]:
    kinds: list[_Kind] = ["whole"] * width
    filled = [False] * width
    found = _rows(content, delimiter)
    while batch := [*islice(found, max(1, _CELLS // width))]:
        for position, cells in enumerate(zip(*batch, strict=True)):
            filled[position] = filled[position] or any(cells)
            kind = kinds[position]
            if kind == "whole" and not are_whole(cells):
                kind = "number"
            if kind == "number" and numbers(cells) is None:
                kind = "text"
            kinds[position] = kind
    return [kind if full else "text" for kind, full in zip(kinds, filled, strict=True)]


def _rows(content: Content, delimiter: str) -> Iterator[Row]:
    """Yield the rows below the header; all are as wide as it is."""
    found = rows(content, delimiter)
    width = len(next(found))
    for number, row in enumerate(found, 1):
        if len(row) != width:
            raise UnreadableError(
                content.side,
                f"is no table: row {number:,} has {plural(len(row), 'cell')}, the header {width:,}",
            )
        yield row


def _by_row(expected: Content, actual: Content, delimiter: str) -> Iterator[_Pair]:
    both = zip_longest(*(_rows(side, delimiter) for side in (expected, actual)))
    for number, (one, other) in enumerate(both, 1):
        yield f"row {number:,}", one, other


def _by_key(
    expected: Content, actual: Content, delimiter: str, keys: list[int], limits: Limits
) -> Iterator[_Pair]:
    """Yield the rows of the replay with those of the same key, then what is left of the original."""
    waiting = dict(_keyed(expected, delimiter, keys, limits))
    for key, other in _keyed(actual, delimiter, keys, limits):
        yield _label(key), waiting.pop(key, None), other
    for key, one in waiting.items():
        yield _label(key), one, None


def _keyed(
    content: Content, delimiter: str, keys: list[int], limits: Limits
) -> Iterator[tuple[tuple[str, ...], Row]]:
    if content.size > limits.table:
        raise ImpossibleError(
            f"a table of more than {limits.table:,} bytes cannot be matched by key"
        )
    seen: set[tuple[str, ...]] = set()
    for row in _rows(content, delimiter):
        key = tuple(row[at] for at in keys)
        if key in seen:
            raise UnreadableError(content.side, f"has the key {plain(_label(key))} twice")
        seen.add(key)
        if len(seen) > limits.rows:
            raise ImpossibleError(
                f"a table of more than {limits.rows:,} rows cannot be matched by key"
            )
        yield key, row


def _label(key: tuple[str, ...]) -> str:
    return ", ".join(key)
