"""Read a labelled video from NPZ, and say in one sentence why it cannot be used."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psvae.refusal import Refusal

Array = NDArray[Any]

_KEYS = ("frames", "labels", "label_names", "held_out")
_SIZES = (16, 256)
_LARGEST = 4 << 30  # bytes of one array
_FEWEST = 50  # frames to train on
_FRAME_AXES, _LABEL_AXES = 3, 2


@dataclass(frozen=True, slots=True)
class Recording:
    """Frames (T, H, W) as fractions of white, labels (T, L) in their units, which are held out (T,)."""

    frames: NDArray[np.float32]
    labels: NDArray[np.float64]
    names: tuple[str, ...]
    held_out: NDArray[np.bool_]


def read(path: Path) -> Recording:
    """Return the recording; raise Refusal with the name of the array that is wrong."""
    arrays = _load(path)
    frames, labels, held_out = arrays["frames"], arrays["labels"], arrays["held_out"]
    name = path.name
    if frames.ndim != _FRAME_AXES or frames.dtype != np.uint8:
        raise Refusal(
            f"{name}: frames must be 8-bit grey values (time, height, width), "
            f"not {frames.dtype} {frames.shape}"
        )
    count, *size = frames.shape
    low, high = _SIZES
    if any(not low <= side <= high or side % 8 for side in size):
        raise Refusal(
            f"{name}: height and width must be multiples of 8 from {low} to {high} pixels, not {size}"
        )
    names = _names(arrays["label_names"], name)
    if labels.ndim != _LABEL_AXES or labels.shape != (count, len(names)):
        raise Refusal(
            f"{name}: labels must be {(count, len(names))} like frames and label_names, "
            f"not {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.floating) or not np.isfinite(labels).all():
        raise Refusal(f"{name}: labels must be finite numbers; fill or leave out missing frames")
    if held_out.shape != (count,) or held_out.dtype != np.bool_:
        raise Refusal(f"{name}: held_out must be {count} booleans, one per frame")
    if np.sum(~held_out) < _FEWEST or not held_out.any():
        raise Refusal(
            f"{name}: {_FEWEST} frames or more are needed to train on, and one held out at least"
        )
    still = labels[~held_out].std(axis=0) == 0
    if still.any():
        raise Refusal(
            f"{name}: label {names[int(np.argmax(still))]!r} never changes in the training frames"
        )
    if frames[~held_out].std(axis=0).max() == 0:
        raise Refusal(f"{name}: all training frames are the same picture")
    return Recording(
        frames.astype(np.float32) / 255, labels.astype(np.float64), names, held_out.copy()
    )


def _load(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            if any(info.file_size > _LARGEST for info in archive.infolist()):
                raise Refusal(f"{path.name}: an array is larger than {_LARGEST >> 30} GiB")
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in _KEYS if key not in file.files]
            if missing:
                raise Refusal(
                    f"{path.name}: array {missing[0]!r} is missing; it has {', '.join(file.files)}"
                )
            return {key: file[key] for key in _KEYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise Refusal(f"{path.name}: it cannot be read as NPZ: {error}") from error


def _names(array: Array, name: str) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind != "U" or not 1 <= len(array) <= 32:  # noqa: PLR2004
        raise Refusal(f"{name}: label_names must be 1 to 32 texts")
    found = tuple(str(text) for text in array)
    if len(set(found)) < len(found):
        raise Refusal(f"{name}: label_names names one label twice")
    return found
