"""Read a denoised movie U V and its atlas from .npz, and say in one sentence why it cannot be used."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from locanmf.hals import Array
from locanmf.refusal import Refusal

_IMAGE, _CUBE = 2, 3
_LARGEST = 1e100
_MOST_VALUES = 40_000_000
_FEWEST_PIXELS = 4


@dataclass(frozen=True, slots=True)
class Recording:
    """The movie as images `space` (H, W, K) times `courses` (K, T), and its `atlas` (H, W), 0 outside.

    `names` are those of the regions, in the order of their numbers `labels`; `sampling_rate` is in
    Hz, or None where the file is silent.
    """

    space: Array
    courses: Array
    atlas: NDArray[np.int64]
    labels: tuple[int, ...]
    names: tuple[str, ...]
    sampling_rate: float | None


def read(path: Path) -> Recording:
    """Read a file; raise Refusal when it is no usable recording."""
    name = path.name
    if path.suffix.lower() != ".npz":
        raise Refusal(f"{name}: the suffix must be .npz")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    arrays = _arrays(path)
    for key in ("U", "V", "atlas"):
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:5]) or "nothing"
            raise Refusal(f"{name}: it has no array named {key} (it has {found})")
    space, courses = _real(name, "U", arrays["U"]), _real(name, "V", arrays["V"])
    if space.ndim != _CUBE or courses.ndim != _IMAGE or space.shape[2] != courses.shape[0]:
        raise Refusal(
            f"{name}: U must be height x width x K and V must be K x frames, "
            f"not {space.shape} and {courses.shape}"
        )
    if min(space.shape) == 0 or courses.shape[1] < 2:  # noqa: PLR2004 - two frames can differ
        raise Refusal(f"{name}: it holds no movie (U is {space.shape}, V is {courses.shape})")
    atlas = _atlas(name, arrays["atlas"], space.shape[:2])
    labels = tuple(int(label) for label in np.unique(atlas[atlas > 0]))
    _check_regions(name, space, courses, atlas, labels)
    rate = _rate(name, arrays)
    return Recording(space, courses, atlas, labels, _names(name, arrays, labels), rate)


def _check_regions(
    name: str, space: Array, courses: Array, atlas: NDArray[np.int64], labels: tuple[int, ...]
) -> None:
    if not np.any(space[atlas > 0]) or not np.any(courses):
        raise Refusal(f"{name}: the movie U V is zero in every region of the atlas")
    for label in labels:
        size = int(np.sum(atlas == label))
        if size < _FEWEST_PIXELS:
            raise Refusal(f"{name}: region {label} of the atlas has only {size} pixels; merge it")
        if not np.any(space[atlas == label]):
            raise Refusal(f"{name}: the movie is zero in region {label}; leave it out of the atlas")


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"{path.name}: it is a single array; save it with numpy.savez")
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise Refusal(f"{path.name}: not a readable .npz file ({reason})") from error
    foreign = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if foreign:
        raise Refusal(f"{path.name}: not a readable .npz file ({foreign[0]} is no numpy array)")
    return arrays


def _real(name: str, key: str, values: NDArray[Any]) -> Array:
    if values.dtype.kind not in "iuf":
        raise Refusal(f"{name}: {key} must hold real numbers, not {values.dtype}")
    if values.size > _MOST_VALUES:
        raise Refusal(f"{name}: {key} has more than {_MOST_VALUES} values, too many for memory")
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise Refusal(f"{name}: {key} holds NaN or infinite values; denoise without them first")
    if numbers.size and np.max(np.abs(numbers)) > _LARGEST:
        raise Refusal(f"{name}: {key} holds values beyond {_LARGEST:g}; check the units")
    return numbers


def _atlas(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.int64]:
    if values.shape != shape:
        raise Refusal(f"{name}: the atlas has shape {values.shape}, but the images of U {shape}")
    if values.dtype.kind not in "iu":
        raise Refusal(f"{name}: the atlas must hold whole numbers of regions, not {values.dtype}")
    atlas = values.astype(np.int64)
    if atlas.min() < 0:
        raise Refusal(f"{name}: the atlas holds {atlas.min()}; regions count from 1, 0 is outside")
    if len(np.unique(atlas[atlas > 0])) < 2:  # noqa: PLR2004 - nothing to be localized against
        raise Refusal(f"{name}: the atlas has fewer than two regions")
    return atlas


def _rate(name: str, arrays: dict[str, NDArray[Any]]) -> float | None:
    if "sampling_rate" not in arrays:
        return None
    value = _real(name, "sampling_rate", arrays["sampling_rate"])
    if value.size != 1 or not float(value.reshape(-1)[0]) > 0:
        raise Refusal(f"{name}: sampling_rate must be one positive number of Hz")
    return float(value.reshape(-1)[0])


def _names(name: str, arrays: dict[str, NDArray[Any]], labels: tuple[int, ...]) -> tuple[str, ...]:
    given = arrays.get("regions")
    if given is None:
        return tuple(f"region {label}" for label in labels)
    if given.shape != (len(labels),) or given.dtype.kind != "U":
        raise Refusal(
            f"{name}: regions must be {len(labels)} names, in the order of the atlas's numbers"
        )
    return tuple(str(value) for value in given)
