"""Read binned spikes from an .npz, and say in one sentence why they cannot be used."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lfads.refusal import Refusal

Array = np.ndarray[Any, np.dtype[Any]]

_KEYS = ("spikes", "bin_width_s")
_MOST_VALUES = 200_000_000
_MOST_SPIKES = 1000  # in one bin of one neuron
_FEWEST_BINS = 5


@dataclass(frozen=True, slots=True)
class Recording:
    """Spike counts (trials, bins, neurons), the width of a bin in seconds, and which trials are held out."""

    spikes: Array
    bin_width: float
    held_out: Array


def read(path: Path, hold_out_every: int) -> Recording:
    """Read a file and hold out every so manieth trial; raise Refusal when it cannot be used."""
    name = path.name
    if path.suffix.lower() != ".npz":
        raise Refusal(f"{name}: the suffix must be .npz")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    spikes, width = _arrays(path)
    counts = _counts(name, spikes)
    trials = len(counts)
    if trials < 2 * hold_out_every:
        raise Refusal(
            f"{name}: {trials} trials are too few to hold out every {hold_out_every}th; "
            "record more or lower hold_out_every"
        )
    held_out = np.arange(trials) % hold_out_every == hold_out_every - 1
    silent = np.flatnonzero(counts[~held_out].sum(axis=(0, 1)) == 0)
    if len(silent):
        raise Refusal(
            f"{name}: neuron {silent[0]} has no spike in the trials to be fitted; leave it out"
        )
    return Recording(counts, _width(name, width), held_out)


def _arrays(path: Path) -> tuple[Array, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in _KEYS if key not in file.files]
            if missing:
                raise Refusal(f"{path.name}: there is no array named {missing[0]}")
            _check_size(path)
            return file["spikes"], file["bin_width_s"]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise Refusal(f"{path.name}: not readable as .npz ({reason})") from error


def _check_size(path: Path) -> None:
    """Refuse what would not fit into memory before it is unpacked."""
    with zipfile.ZipFile(path) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > 8 * _MOST_VALUES:
        raise Refusal(f"{path.name}: {size} bytes unpacked are more than this analysis takes")


def _counts(name: str, spikes: Array) -> Array:
    if spikes.ndim != 3:  # noqa: PLR2004
        raise Refusal(
            f"{name}: spikes must have the shape (trials, bins, neurons), not {spikes.shape}"
        )
    if spikes.size == 0 or spikes.size > _MOST_VALUES:
        raise Refusal(f"{name}: spikes of the shape {spikes.shape} are none, or too many")
    if spikes.shape[1] < _FEWEST_BINS:
        raise Refusal(f"{name}: trials of {spikes.shape[1]} bins are too short, {_FEWEST_BINS} at least")
    if spikes.dtype.kind not in "iuf":
        raise Refusal(f"{name}: spikes must be numbers, not {spikes.dtype}")
    if not np.isfinite(spikes).all():
        trial, step, neuron = np.argwhere(~np.isfinite(spikes))[0]
        raise Refusal(f"{name}: spikes[{trial}, {step}, {neuron}] is not a finite number")
    wrong = (spikes < 0) | (spikes > _MOST_SPIKES) | (spikes != np.floor(spikes))
    if wrong.any():
        trial, step, neuron = np.argwhere(wrong)[0]
        raise Refusal(
            f"{name}: spikes[{trial}, {step}, {neuron}] is {spikes[trial, step, neuron]:g}; "
            f"spikes are counted: whole numbers from 0 to {_MOST_SPIKES}"
        )
    return spikes.astype(np.float32)


def _width(name: str, width: Array) -> float:
    if width.size != 1 or width.dtype.kind not in "iuf":
        raise Refusal(f"{name}: bin_width_s must be one number of seconds")
    value = float(width.reshape(()))
    if not 1e-4 <= value <= 1:  # noqa: PLR2004
        raise Refusal(
            f"{name}: bin_width_s must be from 0.0001 to 1 second, not {value:g}; is it in milliseconds?"
        )
    return value
