"""Read CollectedData of a DeepLabCut project: what a person marked, where, in which picture; say what is wrong with it."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dlc_training.refusal import Refusal

_HEADS = ("scorer", "bodyparts", "coords")
_MOST_PARTS, _MOST_LETTERS = 200, 64
_COORDS = ("x", "y")

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Marked:
    """One picture and where its parts are, x to the right and y down in pixels; NaN in both for one that was not marked."""

    picture: str
    places: tuple[Place, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was marked."""
        return all(math.isnan(x) for x, _ in self.places)


@dataclass(frozen=True, slots=True)
class Table:
    """Body parts in their order, and a row for each picture."""

    bodyparts: tuple[str, ...]
    rows: tuple[Marked, ...]


def parse(text: str, folder: str) -> Table:
    """Read CollectedData_*.csv of the labelled frames of `folder`; raise Refusal, naming the line."""
    try:
        lines = [line for line in csv.reader(text.splitlines(), strict=True) if line]
    except csv.Error as error:
        raise Refusal(f"not readable as CSV ({error})") from error
    heads = lines[: len(_HEADS)]
    if len(lines) > 1 and lines[1][0] == "individuals":
        raise Refusal("it has several individuals; this analysis tracks one animal")
    if [line[0] for line in heads] != list(_HEADS):
        raise Refusal(f"the first three lines must begin with {', '.join(_HEADS)}")
    lead = _lead(heads[2])
    bodyparts = _bodyparts(heads[1][lead:], heads[2][lead:])
    width = lead + len(_COORDS) * len(bodyparts)
    rows = []
    for number, line in enumerate(lines[len(_HEADS) :], len(_HEADS) + 1):
        if len(line) != width:
            raise Refusal(f"line {number} has {len(line)} cells, not {width}")
        name = _picture(line[:lead], folder, number)
        rows.append(Marked(name, _places(line[lead:], bodyparts, name, number)))
    twice = [
        one.picture
        for one, other in pairwise(sorted(rows, key=_name))
        if _name(one) == _name(other)
    ]
    if twice:
        raise Refusal(f"{twice[0]} has two lines")
    return Table(bodyparts, tuple(rows))


def _name(row: Marked) -> str:
    return row.picture


def _lead(coords: Sequence[str]) -> int:
    """Return how many columns name the picture: one (a path) in older projects, three in newer ones."""
    lead = 1
    while lead < len(coords) and not coords[lead]:
        lead += 1
    if lead not in (1, 3):
        raise Refusal(f"pictures are named by one or three columns, not {lead}")
    return lead


def _bodyparts(parts: Sequence[str], coords: Sequence[str]) -> tuple[str, ...]:
    names = tuple(parts[::2])
    if len(parts) != len(coords) or not 0 < len(names) <= _MOST_PARTS:
        raise Refusal(f"it must have 1 to {_MOST_PARTS} body parts with x and y each")
    if list(parts[1::2]) != list(names) or list(coords) != list(_COORDS) * len(names):
        raise Refusal("each body part must have the columns x and y, in this order")
    for name in names:
        if not 0 < len(name) <= _MOST_LETTERS or not name.isprintable() or set(name) & set(',"/'):
            raise Refusal(
                f"body part {name[:_MOST_LETTERS]!r} is no name for a column of a CSV file"
            )
    if len(set(names)) < len(names):
        raise Refusal("it names one body part twice")
    return names


def _picture(cells: Sequence[str], folder: str, number: int) -> str:
    # Projects that were labelled on Windows have backslashes.
    parts = "/".join(cells).replace("\\", "/").split("/")
    if len(parts) < len(_HEADS) or parts[-2] != folder:
        raise Refusal(f"line {number} is not about a picture in labeled-data/{folder}")
    return parts[-1]


def _places(
    cells: Sequence[str], parts: Sequence[str], name: str, number: int
) -> tuple[Place, ...]:
    try:
        values = [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError as error:
        raise Refusal(f"line {number}: {error}") from None
    places = tuple(zip(values[::2], values[1::2], strict=True))
    for part, place in zip(parts, places, strict=True):
        if any(map(math.isinf, place)):
            raise Refusal(f"the label of {part!r} in {name} is infinite")
        if math.isnan(place[0]) != math.isnan(place[1]):
            raise Refusal(
                f"the label of {part!r} in {name} has one coordinate only; both empty says not marked"
            )
    return places
