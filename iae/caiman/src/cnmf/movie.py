"""Read a movie from .npz or TIFF and say in one sentence why it cannot be used."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnmf.noise import Array
from cnmf.refusal import Refusal

SHORTEST = 64
"""Frames below which neither noise nor the decay of calcium can be told."""

_SMALLEST = 8
_LARGEST_VALUE = 1e12
_MEMORY = 2_800_000_000
_OWN_BYTES = 12  # of every sample: three copies in single precision
_FASTEST_HZ = 1000.0


@dataclass(frozen=True, slots=True)
class Movie:
    """Frames (T, H, W) as recorded; `frame_rate` in Hz or None where the file is silent."""

    frames: Array
    frame_rate: float | None = None
    units: str = ""


def read(path: Path) -> Movie:
    """Read a movie; raise Refusal when it is none, or one that cannot be decomposed."""
    suffix = path.suffix.lower()
    if suffix not in {".npz", ".tif", ".tiff"}:
        raise Refusal(f"{path.name}: the suffix must be .npz, .tif or .tiff")
    if not path.is_file():
        raise Refusal(f"{path.name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{path.name}: the file is empty")
    if suffix != ".npz":
        frames = _numbers(path.name, "the TIFF", _pages(path))
        _check(path.name, frames)
        return Movie(frames)
    arrays = _arrays(path)
    if "movie" not in arrays:
        found = ", ".join(sorted(arrays)[:5]) or "nothing"
        raise Refusal(f"{path.name}: it has no array named movie (it has {found})")
    frames = _numbers(path.name, "movie", arrays["movie"])
    _check(path.name, frames)
    units = arrays.get("units")
    named = units is not None and units.shape == () and units.dtype.kind == "U"
    if units is not None and not named:
        raise Refusal(f"{path.name}: units must be one text, such as 'photons'")
    return Movie(frames, _rate(path.name, arrays), str(units) if named else "")


def _arrays(path: Path) -> dict[str, Array]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"{path.name}: it is a single array; save it with numpy.savez(movie=...)")
        with archive:
            arrays: dict[str, Any] = {key: archive[key] for key in archive.files}
    except MemoryError as error:
        raise Refusal(
            f"{path.name}: it does not fit into memory; cut it into shorter movies"
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        raise Refusal(f"{path.name}: not a readable .npz file ({line})") from error
    foreign = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if foreign:
        raise Refusal(f"{path.name}: not a readable .npz file ({foreign[0]} is no numpy array)")
    return arrays


def _pages(path: Path) -> Array:
    # Imported late: it is only needed here.
    from PIL import Image, ImageSequence

    # A movie has as many pixels as it has; its size is checked by `_check`.
    Image.MAX_IMAGE_PIXELS = None
    pages: list[Array] = []
    size = 0
    try:
        with Image.open(path, formats=["TIFF"]) as file:
            for page in ImageSequence.Iterator(file):
                pages.append(np.array(page))
                size += pages[-1].nbytes + _OWN_BYTES * pages[-1].size
                if size > _MEMORY:
                    break
                if pages[-1].shape != pages[0].shape or pages[-1].ndim != 2:  # noqa: PLR2004
                    raise Refusal(
                        f"{path.name}: page {len(pages)} is of shape {pages[-1].shape}, not one grey "
                        f"frame like those before"
                    )
    except MemoryError as error:
        raise Refusal(
            f"{path.name}: it does not fit into memory; cut it into shorter movies"
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, struct.error) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise Refusal(f"{path.name}: not a readable TIFF of grey frames ({reason})") from error
    if size > _MEMORY:
        raise Refusal(
            f"{path.name}: frames of {pages[0].shape[0]} x {pages[0].shape[1]} do not fit into memory; "
            f"give at most {len(pages) - 1} at once, or integers of 16 bits"
        )
    frames: Array = np.stack(pages)
    return frames


def _numbers(name: str, key: str, array: Array) -> Array:
    if array.dtype.kind not in "uif" or array.dtype.itemsize > 8:  # noqa: PLR2004 - 64 bits
        raise Refusal(f"{name}: {key} must hold real numbers of at most 64 bits, not {array.dtype}")
    return array


def _rate(name: str, arrays: dict[str, Array]) -> float | None:
    if "frame_rate" not in arrays:
        return None
    value = _numbers(name, "frame_rate", arrays["frame_rate"])
    rate = float(value.reshape(-1)[0]) if value.size == 1 else math.nan
    if not 0 < rate <= _FASTEST_HZ:
        raise Refusal(f"{name}: frame_rate must be one number of Hz, at most {_FASTEST_HZ:g}")
    return rate


def _check(name: str, frames: Array) -> None:
    if frames.ndim != 3:  # noqa: PLR2004 - frames by height by width
        raise Refusal(f"{name}: movie must be frames x height x width, not of shape {frames.shape}")
    count, height, width = frames.shape
    if count < SHORTEST:
        raise Refusal(
            f"{name}: {count} frames are too few to tell calcium from noise; "
            f"{SHORTEST} are needed (the order is frames x height x width)"
        )
    if min(height, width) < _SMALLEST:
        raise Refusal(
            f"{name}: frames of {height} x {width} pixels are too small; "
            f"{_SMALLEST} x {_SMALLEST} are needed (the order is frames x height x width)"
        )
    if frames.nbytes + _OWN_BYTES * frames.size > _MEMORY:
        most = _MEMORY // (frames.itemsize + _OWN_BYTES) // (height * width)
        raise Refusal(
            f"{name}: {count} frames of {height} x {width} do not fit into memory; "
            f"give at most {most} at once, or integers of 16 bits"
        )
    changes = False
    for row in range(height):  # row by row: a copy of the whole may not fit
        line = frames[:, row]
        if line.dtype.kind == "f" and not np.isfinite(line).all():
            frame, column = np.argwhere(~np.isfinite(line))[0]
            kind = "missing (NaN)" if np.isnan(line[frame, column]) else "infinite"
            raise Refusal(
                f"{name}: the pixel in row {row}, column {column} of frame {frame} is {kind}; "
                "every pixel is needed"
            )
        if line.dtype.kind == "f" and np.abs(line).max() > _LARGEST_VALUE:
            raise Refusal(
                f"{name}: values beyond {_LARGEST_VALUE:g} are not measurements; check the units"
            )
        changes = changes or bool((line != line[0]).any())
    if not changes:
        raise Refusal(f"{name}: no pixel ever changes")
