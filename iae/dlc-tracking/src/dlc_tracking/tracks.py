"""Read the CSV that DeepLabCut writes and say in one sentence why it cannot be used."""

from __future__ import annotations

import array
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlc_tracking.refusal import Refusal

Array = NDArray[np.float64]

_HEADER = ("scorer", "bodyparts", "coords")
_COORDS = ("x", "y", "likelihood")
_MISSING = {"", "nan", "na", "n/a", "null", "none"}
_LARGEST = 1e6
_MOST_VALUES = 15_000_000
"""Measured at less than 100 bytes each, 1.5 GB in all."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TABLES = {".h5", ".hdf5", ".hdf"}

Rows = Iterator[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Tracks:
    """Positions `xy` (T, K, 2) in pixels, NaN where missing, and `likelihood` (T, K), of K parts."""

    parts: tuple[str, ...]
    xy: Array
    likelihood: Array


def read(path: Path) -> Tracks:
    """Read one recording of one animal; raise Refusal when it is no usable table of tracks."""
    name, suffix = path.name, path.suffix.lower()
    if suffix in _TABLES:
        raise Refusal(
            f"{name}: give the .csv of these tracks; DeepLabCut's analyze_videos_converth5_to_csv"
            " makes it"
        )
    if suffix != ".csv":
        raise Refusal(f"{name}: the suffix must be .csv")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    rows = _rows(name, path.read_bytes().removeprefix(_BYTE_ORDER_MARK))
    parts = _header(name, rows)
    values = _body(name, rows, parts)
    tracks = Tracks(parts, values[:, :, :2].copy(), values[:, :, 2].copy())
    _check(name, tracks)
    return tracks


def _rows(name: str, content: bytes) -> Rows:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refusal(f"{name}: line {line} is not UTF-8 text") from error
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise Refusal(
            f"{name}: line {reader.line_num} is not comma-separated text ({error})"
        ) from error


def _header(name: str, rows: Rows) -> tuple[str, ...]:
    """Return the body parts; the three rows say scorer, bodyparts and coords in their first cell."""
    head: list[list[str]] = []
    for expected in _HEADER:
        number, row = next(rows, (len(head) + 1, [""]))
        first = row[0].strip()
        if first == "individuals":
            raise Refusal(f"{name}: it tracks several animals; give a table of one of them")
        if first != expected:
            raise Refusal(
                f"{name}: line {number} must begin with {expected!r}, not {first[:40]!r}; "
                "DeepLabCut's three header rows are scorer, bodyparts, coords"
            )
        head.append([cell.strip() for cell in row[1:]])
    _, bodyparts, coords = head
    if len(bodyparts) != len(coords) or not coords:
        raise Refusal(
            f"{name}: {len(bodyparts)} columns have a body part, but {len(coords)} a coordinate"
        )
    parts = tuple(dict.fromkeys(bodyparts))
    for part in parts:
        own = [c for p, c in zip(bodyparts, coords, strict=True) if p == part]
        lacking = [c for c in _COORDS if c not in own]
        if lacking:
            raise Refusal(f"{name}: body part {part!r} lacks the column {lacking[0]}")
        if len(own) != len(_COORDS):
            raise Refusal(f"{name}: body part {part!r} has {len(own)} columns, expected 3")
    if "" in parts:
        raise Refusal(f"{name}: a body part has no name")
    if coords != list(_COORDS) * len(parts):
        raise Refusal(f"{name}: the columns of a body part must be x, y, likelihood, in this order")
    return parts


def _body(name: str, rows: Rows, parts: tuple[str, ...]) -> Array:
    width = len(_COORDS) * len(parts)
    values = array.array("d")
    before: int | None = None
    for number, row in rows:
        if len(row) != width + 1:
            raise Refusal(f"{name}: line {number} has {len(row)} cells, expected {width + 1}")
        frame = _frame(name, number, row[0])
        if before is not None and frame != before + 1:
            raise Refusal(
                f"{name}: line {number}: frame {frame} follows frame {before}; "
                "there must be one row for every frame, in order"
            )
        before = frame
        for column, cell in enumerate(row[1:]):
            value = _value(cell)
            if value is None:
                part, coord = parts[column // 3], _COORDS[column % 3]
                raise Refusal(
                    f"{name}: line {number}, {coord} of body part {part!r}: {cell[:40]!r} is not a "
                    "number (missing values are empty or NaN)"
                )
            values.append(value)
        if len(values) > _MOST_VALUES:
            raise Refusal(f"{name}: more than {_MOST_VALUES} values do not fit into memory")
    if not values:
        raise Refusal(f"{name}: it has a header but no frames")
    return np.array(values).reshape(-1, len(parts), len(_COORDS))


def _frame(name: str, number: int, cell: str) -> int:
    try:
        frame = float(cell)
    except ValueError:
        frame = math.nan
    if not frame.is_integer():
        raise Refusal(
            f"{name}: line {number} begins with {cell[:40]!r}, not with the number of a frame"
        )
    return int(frame)


def _value(cell: str) -> float | None:
    text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _check(name: str, tracks: Tracks) -> None:
    for values, what in ((tracks.xy, "position"), (tracks.likelihood, "likelihood")):
        infinite = np.argwhere(np.isinf(values))
        if len(infinite):
            frame, part = infinite[0][:2]
            raise Refusal(
                f"{name}: row {frame} has an infinite {what} of {tracks.parts[part]!r}; "
                "mark missing values as NaN"
            )
    if np.isnan(tracks.xy).all():
        raise Refusal(f"{name}: every position is missing (NaN)")
    if np.isnan(tracks.likelihood).all():
        raise Refusal(f"{name}: every likelihood is missing (NaN)")
    if np.nanmax(np.abs(tracks.xy)) > _LARGEST:
        raise Refusal(f"{name}: positions beyond {_LARGEST:g} are no pixels; check the units")
    outside = (tracks.likelihood < 0) | (tracks.likelihood > 1)
    if outside.any():
        frame, part = np.argwhere(outside)[0]
        raise Refusal(
            f"{name}: row {frame} has a likelihood of {tracks.likelihood[frame, part]:g} for "
            f"{tracks.parts[part]!r}; it must be from 0 to 1 (not percent)"
        )
