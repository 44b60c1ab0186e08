"""Read text tables row by row, bounded in the length of a line, and turn cells into values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

import numpy as np

from neurocaas_ci.audit.compare.content import Content
from neurocaas_ci.audit.compare.measure import Block
from neurocaas_ci.audit.compare.trouble import UnreadableError, reading

Row = list[str]

_MAX_LINE = 16 << 20
_WHOLE = re.compile(r"[+-]?[0-9]+")
_ALL_WHOLE = re.compile(rf"(?:{_WHOLE.pattern},)*")
_DIGITS = 4000
_BOM = b"\xef\xbb\xbf"
_WIDE = (".tsv", ".tab", ".tsv.gz", ".tab.gz")


def delimiter_of(name: str, forced: str | None = None) -> str:
    """Return the delimiter that a format (`csv`, `tsv`) or a file name asks for."""
    wide = forced == "tsv" or (forced is None and name.lower().endswith(_WIDE))
    return "\t" if wide else ","


def rows(content: Content, delimiter: str | None) -> Iterator[Row]:
    """Yield the rows that are not empty; without a delimiter, cells are parted by white space.

    Raise UnreadableError when a line is not UTF-8, too long or badly quoted.
    """
    content.file.seek(0)
    with reading(content.side, "CSV"):
        lines = _lines(content)
        if delimiter is None:
            yield from filter(None, map(str.split, lines))
        else:
            yield from filter(None, csv.reader(lines, delimiter=delimiter, strict=True))


def are_whole(cells: Sequence[str]) -> bool:
    """Whether all cells are whole numbers."""
    return _ALL_WHOLE.fullmatch(",".join(cells) + ",") is not None


def numbers(cells: Sequence[str]) -> Block | None:
    """Return the cells as 64-bit numbers, empty ones as NaN; None when one is no number."""
    text = "".join(cells)
    # Python reads 1_000 and the digits of all scripts; in a table they may mean something else.
    if not text.isascii() or "_" in text:
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None


def wholes(one: Sequence[str], other: Sequence[str]) -> tuple[Block, Block]:
    """Return two columns as whole numbers of any size, as text where a cell is none."""
    left, right = ([_whole(cell) for cell in cells] for cells in (one, other))
    try:
        return np.array(left, np.int64), np.array(right, np.int64)
    except (OverflowError, ValueError):
        return np.array(left, object), np.array(right, object)


def _whole(cell: str) -> int | str:
    # Python refuses to read numbers of more digits, because that takes time.
    return int(cell) if len(cell) <= _DIGITS and _WHOLE.fullmatch(cell) else cell


def _lines(content: Content) -> Iterator[str]:
    first = True
    while line := content.file.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise UnreadableError(content.side, f"has a line of more than {_MAX_LINE:,} bytes")
        yield (line.removeprefix(_BOM) if first else line).decode("utf-8")
        first = False
