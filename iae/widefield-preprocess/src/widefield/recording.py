"""Read a two-wavelength movie and its atlas from .npz, and say in one sentence why it is no use."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from widefield.refusal import Refusal

Array = NDArray[Any]

SHORTEST = 64
"""Frames below which neither noise nor hemodynamics can be told."""

_SMALLEST = 16
_LARGEST_VALUE = 1e30
_MEMORY = 2_500_000_000
_OWN_BYTES = 8  # of every sample: the registered movie, and its standardised copy
_CALCIUM_NM = (440.0, 520.0)
_ISOSBESTIC_NM = (385.0, 430.0)
_FEWEST_PIXELS = 4


@dataclass(frozen=True, slots=True)
class Recording:
    """Frames (T, H, W) at each of two wavelengths, as recorded, and the `atlas` (H, W), 0 outside.

    `calcium` was recorded at the wavelength that calcium changes, `violet` near 405 nm, where only
    blood does. `frame_rate` is that of each wavelength, in Hz. `names` are those of the regions in
    the order of their numbers, or None.
    """

    calcium: Array
    violet: Array
    atlas: NDArray[np.int64]
    frame_rate: float
    units: str = ""
    names: tuple[str, ...] | None = None

    @property
    def brain(self) -> NDArray[np.bool_]:
        """Return the pixels (H, W) that belong to a region."""
        inside: NDArray[np.bool_] = self.atlas > 0
        return inside


def read(path: Path) -> Recording:
    """Read a recording; raise Refusal when it is none, or one that cannot be corrected."""
    name = path.name
    if path.suffix.lower() != ".npz":
        raise Refusal(f"{name}: the suffix must be .npz")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    arrays = _arrays(path)
    for key in ("movie", "wavelengths", "frame_rate", "atlas"):
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:5]) or "nothing"
            raise Refusal(f"{name}: it has no array named {key} (it has {found})")
    movie = _numbers(name, "movie", arrays["movie"])
    _check_shape(name, movie)
    calcium = _calcium_channel(name, arrays["wavelengths"])
    atlas = _atlas(name, arrays["atlas"], movie.shape[2:])
    _check_values(name, movie, atlas > 0)
    return Recording(
        movie[:, calcium],
        movie[:, 1 - calcium],
        atlas,
        _rate(name, arrays["frame_rate"]),
        _units(name, arrays.get("units")),
        _names(name, arrays.get("regions"), atlas),
    )


def _arrays(path: Path) -> dict[str, Array]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"{path.name}: it is a single array; save it with numpy.savez(movie=...)")
        with archive:
            arrays: dict[str, Any] = {key: archive[key] for key in archive.files}
    except MemoryError as error:
        raise Refusal(
            f"{path.name}: it does not fit into memory; cut it into shorter ones"
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        line = " ".join(str(error).split()) or type(error).__name__
        raise Refusal(f"{path.name}: not a readable .npz file ({line[:200]})") from error
    foreign = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if foreign:
        raise Refusal(f"{path.name}: not a readable .npz file ({foreign[0]} is no numpy array)")
    return arrays


def _numbers(name: str, key: str, array: Array) -> Array:
    if array.dtype.kind not in "uif" or array.dtype.itemsize > 8:  # noqa: PLR2004 - 64 bits
        raise Refusal(f"{name}: {key} must hold real numbers of at most 64 bits, not {array.dtype}")
    return array


def _check_shape(name: str, movie: Array) -> None:
    order = "the order is frames x 2 wavelengths x height x width"
    if movie.ndim != 4 or movie.shape[1] != 2:  # noqa: PLR2004 - as the sentence says
        raise Refusal(f"{name}: movie has the shape {movie.shape}; {order}")
    count, _, height, width = movie.shape
    if count < SHORTEST:
        raise Refusal(
            f"{name}: {count} frames are too few to tell blood from calcium; "
            f"{SHORTEST} are needed ({order})"
        )
    if min(height, width) < _SMALLEST:
        raise Refusal(
            f"{name}: frames of {height} x {width} pixels are too small to be registered; "
            f"{_SMALLEST} x {_SMALLEST} are needed ({order})"
        )
    if movie.nbytes + _OWN_BYTES * movie.size > _MEMORY:
        most = _MEMORY // (movie.itemsize + _OWN_BYTES) // (2 * height * width)
        raise Refusal(
            f"{name}: {count} frames of 2 x {height} x {width} do not fit into memory; "
            f"give at most {most} at once, or bin the pixels"
        )


def _calcium_channel(name: str, values: Array) -> int:
    """Return which of the two channels calcium changes."""
    wavelengths = _numbers(name, "wavelengths", values)
    if wavelengths.shape != (2,):
        raise Refusal(f"{name}: wavelengths must be two numbers of nm, not of shape {values.shape}")
    first, second = (float(value) for value in wavelengths)
    for channel, (calcium, violet) in enumerate(((first, second), (second, first))):
        if (
            _CALCIUM_NM[0] <= calcium <= _CALCIUM_NM[1]
            and _ISOSBESTIC_NM[0] <= violet <= _ISOSBESTIC_NM[1]
        ):
            return channel
    raise Refusal(
        f"{name}: wavelengths are {first:g} and {second:g}; one must be from {_CALCIUM_NM[0]:g} to "
        f"{_CALCIUM_NM[1]:g} nm (calcium), the other from {_ISOSBESTIC_NM[0]:g} to "
        f"{_ISOSBESTIC_NM[1]:g} nm (blood alone)"
    )


def _atlas(name: str, values: Array, shape: tuple[int, ...]) -> NDArray[np.int64]:
    if values.shape != shape:
        raise Refusal(f"{name}: the atlas has the shape {values.shape}, but the frames {shape}")
    if values.dtype.kind not in "iu":
        raise Refusal(f"{name}: the atlas must hold whole numbers of regions, not {values.dtype}")
    atlas = values.astype(np.int64)
    if atlas.min() < 0:
        raise Refusal(f"{name}: the atlas holds {atlas.min()}; regions count from 1, 0 is outside")
    labels, sizes = np.unique(atlas[atlas > 0], return_counts=True)
    if len(labels) < 2:  # noqa: PLR2004 - nothing to be localized against
        raise Refusal(f"{name}: the atlas has fewer than two regions")
    if sizes.min() < _FEWEST_PIXELS:
        small = labels[sizes.argmin()]
        raise Refusal(
            f"{name}: region {small} of the atlas has only {sizes.min()} pixels; merge it"
        )
    return atlas


def _check_values(name: str, movie: Array, brain: NDArray[np.bool_]) -> None:
    for row in range(movie.shape[2]):  # row by row: a copy of the whole may not fit
        line = movie[:, :, row]
        if line.dtype.kind != "f":
            continue
        if not np.isfinite(line).all():
            frame, channel, column = np.argwhere(~np.isfinite(line))[0]
            kind = "missing (NaN)" if np.isnan(line[frame, channel, column]) else "infinite"
            raise Refusal(
                f"{name}: the pixel in row {row}, column {column} of frame {frame}, wavelength "
                f"{channel + 1}, is {kind}; every pixel is needed"
            )
        if np.abs(line).max() > _LARGEST_VALUE:
            raise Refusal(
                f"{name}: values beyond {_LARGEST_VALUE:g} are not measurements; check the units"
            )
    mean = movie.mean(axis=0, dtype=np.float64)
    dark = brain & (mean <= 0).any(axis=0)
    if dark.any():
        row, column = np.argwhere(dark)[0]
        raise Refusal(
            f"{name}: the mean of the pixel in row {row}, column {column} is not positive, so it has "
            "no relative change; give fluorescence, not changes of it, and an atlas of lit pixels"
        )
    if not (movie[:, :, brain] != movie[:1, :, brain]).any(axis=(0, 2)).all():
        raise Refusal(f"{name}: one of the wavelengths never changes")


def _rate(name: str, values: Array) -> float:
    value = _numbers(name, "frame_rate", values)
    rate = float(value.reshape(-1)[0]) if value.size == 1 else math.nan
    if not 0 < rate < math.inf:
        raise Refusal(f"{name}: frame_rate must be one positive number of Hz")
    return rate


def _units(name: str, values: Array | None) -> str:
    if values is None:
        return ""
    if values.shape != () or values.dtype.kind != "U":
        raise Refusal(f"{name}: units must be one text, such as 'photons'")
    return str(values)


def _names(name: str, values: Array | None, atlas: NDArray[np.int64]) -> tuple[str, ...] | None:
    if values is None:
        return None
    regions = len(np.unique(atlas[atlas > 0]))
    if values.shape != (regions,) or values.dtype.kind != "U":
        raise Refusal(
            f"{name}: regions must be {regions} names, in the order of the atlas's numbers"
        )
    return tuple(str(value) for value in values)
