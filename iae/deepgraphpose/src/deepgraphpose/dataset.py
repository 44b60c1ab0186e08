"""Read a video and the positions that a person marked in some of its frames; say why they cannot be used."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepgraphpose.refusal import Refusal

Array = np.ndarray[Any, np.dtype[Any]]

_KEYS = ("frames", "labels", "label_frames", "bodyparts")
_STRIDE = 8  # the network halves a picture three times
_SIDES = (16, 1024)
_MOST_PIXELS = 2_000_000_000
_FEWEST_LABELLED, _FEWEST_FRAMES = 4, 10
_MOST_PARTS, _MOST_LETTERS = 100, 64
_GREY, _COLOUR = 3, 4
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in other programs of the field


@dataclass(frozen=True, slots=True)
class Recording:
    """A video (frames, height, width) of 8-bit grey values and labels (labelled frames, parts, 2): x and y in pixels.

    A part that was not marked in a frame is NaN in both. `held_out` says which labelled frames are for the scores
    and not for training; `skeleton` (edges, 2) which parts hang together, by their numbers.
    """

    frames: Array
    labels: Array
    label_frames: Array
    held_out: Array
    bodyparts: tuple[str, ...]
    skeleton: Array
    frame_rate: float | None


def read(path: Path) -> Recording:
    """Read a file; raise Refusal when it cannot be used."""
    name = path.name
    if path.suffix.lower() != ".npz":
        raise Refusal(f"{name}: the suffix must be .npz")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    try:
        return _recording(_arrays(path))
    except Refusal as refusal:
        raise Refusal(f"{name}: {refusal}") from None


def _arrays(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > 2 * _MOST_PIXELS:  # before it is unpacked
            raise Refusal(f"{size} bytes unpacked are more than this analysis takes")
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in _KEYS if key not in file.files]
            if missing:
                raise Refusal(f"there is no array named {missing[0]}")
            return {key: np.asarray(file[key]) for key in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise Refusal(f"not readable as .npz ({' '.join(str(error).split())})") from error


def _recording(arrays: dict[str, Array]) -> Recording:
    frames = _frames(arrays["frames"])
    parts = _bodyparts(arrays["bodyparts"])
    chosen = _label_frames(arrays["label_frames"], len(frames))
    labels = _labels(arrays["labels"], chosen, parts, (frames.shape[2], frames.shape[1]))
    held_out = _held_out(arrays.get("held_out", np.zeros(len(chosen), bool)), len(chosen))
    trained = labels[~held_out]
    if len(trained) < _FEWEST_LABELLED:
        raise Refusal(
            f"{len(trained)} labelled frames to train with are too few, {_FEWEST_LABELLED} at least"
        )
    unseen = np.flatnonzero(np.isnan(trained).all(axis=(0, 2)))
    if len(unseen):
        raise Refusal(f"body part {parts[unseen[0]]!r} is marked in no frame to train with; leave it out")
    return Recording(
        frames, labels, chosen, held_out, parts, _skeleton(arrays.get("skeleton"), len(parts)),
        _frame_rate(arrays.get("frame_rate_hz")),
    )  # fmt: skip


def _frames(frames: Array) -> Array:
    if frames.dtype != np.uint8 or frames.ndim not in (_GREY, _COLOUR):
        raise Refusal(
            "frames must be 8-bit, (time, height, width) or (time, height, width, 3), "
            f"not {frames.dtype} {frames.shape}"
        )
    if frames.ndim == _COLOUR:
        if frames.shape[3] != len(_LUMINANCE):
            raise Refusal(f"frames in colour need three channels, not {frames.shape[3]}")
        frames = np.rint(frames @ np.array(_LUMINANCE, np.float32)).astype(np.uint8)
    low, high = _SIDES
    if any(side % _STRIDE or not low <= side <= high for side in frames.shape[1:]):
        raise Refusal(
            f"frames of {frames.shape[1]} x {frames.shape[2]} pixels: sides must be multiples of {_STRIDE} "
            f"from {low} to {high}; crop or bin them"
        )
    if len(frames) < _FEWEST_FRAMES or frames.size > _MOST_PIXELS:
        raise Refusal(f"{len(frames)} frames are too few ({_FEWEST_FRAMES} at least), or too many")
    if frames.min() == frames.max():
        raise Refusal("all pixels of all frames are the same grey")
    return frames


def _bodyparts(parts: Array) -> tuple[str, ...]:
    if parts.dtype.kind != "U" or parts.ndim != 1 or not 1 <= len(parts) <= _MOST_PARTS:
        raise Refusal(f"bodyparts must be 1 to {_MOST_PARTS} texts")
    names = tuple(map(str, parts))
    for name in names:
        if not 0 < len(name) <= _MOST_LETTERS or not name.isprintable() or set(name) & set(',"'):
            raise Refusal(f"body part {name[:_MOST_LETTERS]!r} is no name for a column of a CSV file")
    if len(set(names)) < len(names):
        raise Refusal("bodyparts names one part twice")
    return names


def _label_frames(chosen: Array, frames: int) -> Array:
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
        raise Refusal("label_frames must be a list of whole numbers: which frames were labelled, from 0")
    outside = chosen[(chosen < 0) | (chosen >= frames)]
    if len(outside):
        raise Refusal(f"label_frames names frame {outside[0]}, but there are frames 0 to {frames - 1}")
    if len(np.unique(chosen)) < len(chosen):
        raise Refusal("label_frames names one frame twice")
    return chosen.astype(np.int64)


def _labels(labels: Array, chosen: Array, parts: tuple[str, ...], size: tuple[int, int]) -> Array:
    wanted = (len(chosen), len(parts), 2)
    if labels.shape != wanted or labels.dtype.kind not in "fiu":
        raise Refusal(
            f"labels must be numbers of the shape {wanted} (labelled frames, parts, x and y), "
            f"not {labels.dtype} {labels.shape}"
        )
    labels = labels.astype(np.float32)
    marked = ~np.isnan(labels)
    for problem, what in (
        (np.isinf(labels).any(axis=2), "is infinite"),
        (marked[..., 0] != marked[..., 1], "has one coordinate only; NaN in both says not marked"),
        (((labels < 0) | (labels > np.array(size) - 1)).any(axis=2), f"lies outside of {size[0]} x {size[1]} pixels"),
    ):
        if problem.any():
            frame, part = np.argwhere(problem)[0]
            raise Refusal(f"the label of {parts[part]!r} in frame {chosen[frame]} {what}")
    if marked.any() and np.nanmax(labels) <= 1:
        raise Refusal("no label is above 1: they must be in pixels, not fractions of the frame")
    return labels


def _held_out(held_out: Array, count: int) -> Array:
    if held_out.dtype != np.bool_ or held_out.shape != (count,):
        raise Refusal(f"held_out must be {count} booleans, one per labelled frame")
    return held_out


def _skeleton(skeleton: Array | None, parts: int) -> Array:
    if skeleton is None:
        return np.zeros((0, 2), np.int64)
    if skeleton.dtype.kind not in "iu" or skeleton.ndim != 2 or skeleton.shape[1] != 2:  # noqa: PLR2004
        raise Refusal("skeleton must be (edges, 2) whole numbers: pairs of body parts, from 0")
    if skeleton.size and (skeleton.min() < 0 or skeleton.max() >= parts):
        raise Refusal(f"skeleton names a body part that is none of 0 to {parts - 1}")
    if (skeleton[:, 0] == skeleton[:, 1]).any():
        raise Refusal("skeleton connects a body part with itself")
    return skeleton.astype(np.int64)


def _frame_rate(rate: Array | None) -> float | None:
    if rate is None:
        return None
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not 0.1 <= float(rate.reshape(())) <= 10_000:  # noqa: PLR2004
        raise Refusal("frame_rate_hz must be one number from 0.1 to 10000")
    return float(rate.reshape(()))
