"""Read a recording from .npz or .csv and say in one sentence why it cannot be used."""

from __future__ import annotations

import array
import csv
import itertools
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kalman_smoother.refusal import Refusal
from kalman_smoother.system import Array, System

_MISSING = {"", "nan", "na", "n/a", "null", "none"}
_SYSTEM_KEYS = ("A", "C", "Q", "R", "m0", "V0")
_LARGEST = 1e100
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples `y` (T, N), NaN where missing; `sampling_rate` in Hz or None where the file is silent.

    `system` holds the parameters that an .npz carries beside its samples.
    """

    y: Array
    channels: tuple[str, ...]
    sampling_rate: float | None = None
    units: str = ""
    system: System | None = None


def read(path: Path) -> Recording:
    """Read a file by its suffix; raise Refusal when it is no usable recording."""
    readers = {".npz": _read_npz, ".csv": _read_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise Refusal(f"{path.name}: the suffix must be .npz or .csv")
    if not path.is_file():
        raise Refusal(f"{path.name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{path.name}: the file is empty")
    recording = reader(path)
    _check(recording, path.name)
    return recording


def _check(recording: Recording, name: str) -> None:
    y, rate = recording.y, recording.sampling_rate
    if y.shape[0] == 0 or y.shape[1] == 0:
        raise Refusal(f"{name}: it holds no samples (shape {y.shape[0]} x {y.shape[1]})")
    if np.isinf(y).any():
        row, column = np.argwhere(np.isinf(y))[0]
        raise Refusal(
            f"{name}: sample {row} of channel {recording.channels[column]!r} is infinite; "
            "mark missing samples as NaN"
        )
    silent = np.flatnonzero(np.isnan(y).all(axis=0))
    if len(silent) == y.shape[1]:
        raise Refusal(f"{name}: every sample is missing (NaN)")
    if len(silent):
        raise Refusal(
            f"{name}: channel {recording.channels[silent[0]]!r} has no samples at all; remove it"
        )
    if np.nanmax(np.abs(y)) > _LARGEST:
        raise Refusal(f"{name}: values beyond {_LARGEST:g} are not measurements; check the units")
    if rate is not None and not 0 < rate < math.inf:
        raise Refusal(f"{name}: sampling_rate must be a positive number of Hz, not {rate!r}")


def _read_npz(path: Path) -> Recording:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"{path.name}: it is a single array; save it with numpy.savez(y=...)")
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        raise Refusal(f"{path.name}: not a readable .npz file ({_line(error)})") from error
    foreign = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if foreign:
        raise Refusal(f"{path.name}: not a readable .npz file ({foreign[0]} is no numpy array)")
    if "y" not in arrays:
        found = ", ".join(sorted(arrays)[:5]) or "nothing"
        raise Refusal(f"{path.name}: it has no array named y (it has {found})")
    y = _real(path.name, "y", arrays["y"])
    if y.ndim != 2:  # noqa: PLR2004 - samples by channels
        raise Refusal(f"{path.name}: y must be samples x channels, not of shape {y.shape}")
    count = y.shape[1]
    names = arrays.get("channels")
    if names is not None and (names.shape != (count,) or names.dtype.kind != "U"):
        raise Refusal(f"{path.name}: channels must be {count} names, one per column of y")
    channels = tuple(map(str, names)) if names is not None else _numbered(count)
    rate = None
    if "sampling_rate" in arrays:
        value = _real(path.name, "sampling_rate", arrays["sampling_rate"])
        if value.size != 1:
            raise Refusal(f"{path.name}: sampling_rate must be one number, not {value.size}")
        rate = float(value.reshape(-1)[0])
    units = str(arrays["units"]) if "units" in arrays and arrays["units"].shape == () else ""
    return Recording(y, channels, rate, units, _system(path.name, arrays, count))


def _system(name: str, arrays: dict[str, Array], channels: int) -> System | None:
    given = [key for key in _SYSTEM_KEYS if key in arrays]
    if not given:
        return None
    lacking = [key for key in _SYSTEM_KEYS if key not in arrays]
    if lacking:
        raise Refusal(f"{name}: it has {', '.join(given)} but lacks {', '.join(lacking)}")
    parts = {key: _real(name, key, arrays[key]) for key in _SYSTEM_KEYS}
    parts["d"] = _real(name, "d", arrays["d"]) if "d" in arrays else np.zeros(channels)
    latents = parts["A"].shape[0] if parts["A"].ndim else 0
    square, wide = (latents, latents), (channels, channels)
    shapes: dict[str, tuple[int, ...]] = {
        "A": square,
        "C": (channels, latents),
        "Q": square,
        "R": wide,
    }
    shapes |= {"m0": (latents,), "V0": square, "d": (channels,)}
    for key, shape in shapes.items():
        if latents == 0 or parts[key].shape != shape:
            raise Refusal(f"{name}: {key} has shape {parts[key].shape}, expected {shape}")
        if not np.isfinite(parts[key]).all():
            raise Refusal(f"{name}: {key} holds values that are not finite")
    for key in ("Q", "R", "V0"):
        matrix = parts[key]
        if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=0) or not _positive(matrix):
            raise Refusal(f"{name}: {key} is not a symmetric positive definite matrix")
    return System(**parts)


def _positive(matrix: Array) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _real(name: str, key: str, values: Array) -> Array:
    if values.dtype.kind not in "biuf":
        raise Refusal(f"{name}: {key} must hold real numbers, not {values.dtype}")
    return values.astype(np.float64)


def _read_csv(path: Path) -> Recording:
    name = path.name
    lines = path.read_bytes().removeprefix(_BYTE_ORDER_MARK).splitlines(keepends=True)
    rate, units = _notes(name, lines)
    rows = _rows(name, lines)
    number, first = next(rows, (0, []))
    if not first:
        raise Refusal(f"{name}: it holds no samples")
    channels = _numbered(len(first))
    if any(_value(cell) is None for cell in first):
        channels = tuple(cell.strip() for cell in first)
        if len(set(channels)) < len(channels) or "" in channels:
            raise Refusal(f"{name}: line {number}: names of channels must be unique, not empty")
    else:
        rows = itertools.chain([(number, first)], rows)
    values = array.array("d")
    for number, row in rows:
        if len(row) != len(channels):
            raise Refusal(f"{name}: line {number} has {len(row)} cells, expected {len(channels)}")
        values.extend(_numbers(name, number, channels, row))
    if not values:
        raise Refusal(f"{name}: it has a header but no samples")
    return Recording(np.array(values).reshape(-1, len(channels)), channels, rate, units)


def _rows(name: str, lines: list[bytes]) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of every line that is neither blank nor a comment."""
    reader = csv.reader(_decoded(name, lines), strict=True)
    try:
        for row in reader:
            if row and not row[0].lstrip().startswith("#"):
                yield reader.line_num, row
    except csv.Error as error:
        raise Refusal(
            f"{name}: line {reader.line_num} is not comma-separated text ({_line(error)})"
        ) from error


def _decoded(name: str, lines: list[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refusal(f"{name}: line {number} is not UTF-8 text") from error


def _numbers(name: str, number: int, channels: tuple[str, ...], row: list[str]) -> Iterator[float]:
    for channel, cell in zip(channels, row, strict=True):
        value = _value(cell)
        if value is None:
            raise Refusal(
                f"{name}: line {number}, channel {channel!r}: "
                f"{cell[:40]!r} is not a number (missing samples are empty or NaN)"
            )
        yield value


def _notes(name: str, lines: list[bytes]) -> tuple[float | None, str]:
    """Read the comments at the top: `# sampling_rate: 0.5` in Hz, `# units: ...`."""
    rate, units = None, ""
    for line in _decoded(name, list(itertools.takewhile(lambda x: x.startswith(b"#"), lines))):
        key, _, value = line.lstrip("# ").partition(":")
        if key.strip() == "sampling_rate":
            rate = _value(value)
            if rate is None:
                raise Refusal(f"{name}: sampling_rate {value.strip()!r} is not a number of Hz")
        elif key.strip() == "units":
            units = value.strip()
    return rate, units


def _value(cell: str) -> float | None:
    text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"channel {index + 1}" for index in range(count))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
