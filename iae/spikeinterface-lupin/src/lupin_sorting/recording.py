"""Read an extracellular recording from .npz, and say in one sentence why it cannot be sorted."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lupin_sorting.refusal import Refusal

Array = NDArray[Any]

_SLOWEST_HZ, _FASTEST_HZ = 5_000.0, 100_000.0
_SHORTEST_S = 5.0
_FEWEST = 4
_MEMORY = 2_500_000_000
_OWN_BYTES = 4  # of every sample, in the filtered copy
_LARGEST = 1e9
_CHUNK = 1_000_000  # samples at once: a copy of the whole may not fit


@dataclass(frozen=True, slots=True)
class Recording:
    """Traces (T, C) in steps of `gain` microvolts at `rate` Hz; places of channels (C, 2) in um."""

    traces: Array
    rate: float
    locations: Array
    gain: float

    @property
    def seconds(self) -> float:
        return len(self.traces) / self.rate


def read(path: Path) -> Recording:
    """Read a file; raise Refusal when it is no recording that can be sorted."""
    name = path.name
    if path.suffix.lower() != ".npz":
        raise Refusal(f"{name}: the suffix must be .npz")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    arrays = _arrays(path)
    for key in ("traces", "sampling_frequency", "locations_um", "gain_uv"):
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:5]) or "nothing"
            raise Refusal(f"{name}: it has no array named {key} (it has {found})")
    rate = _number(name, "sampling_frequency", arrays, (_SLOWEST_HZ, _FASTEST_HZ), "Hz")
    gain = _number(name, "gain_uv", arrays, (1e-6, 1e6), "microvolts per step")
    traces = _traces(name, arrays["traces"], rate)
    return Recording(traces, rate, _locations(name, arrays["locations_um"], traces.shape[1]), gain)


def _arrays(path: Path) -> dict[str, Array]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"{path.name}: it is a single array; save it with numpy.savez")
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except MemoryError as error:
        raise Refusal(f"{path.name}: it does not fit into memory; cut it into pieces") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise Refusal(f"{path.name}: not a readable .npz file ({reason})") from error
    foreign = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if foreign:
        raise Refusal(f"{path.name}: not a readable .npz file ({foreign[0]} is no numpy array)")
    return arrays


def _number(
    name: str, key: str, arrays: dict[str, Array], bounds: tuple[float, float], unit: str
) -> float:
    value = arrays[key]
    if value.size != 1 or value.dtype.kind not in "iuf":
        raise Refusal(f"{name}: {key} must be one number of {unit}")
    number = float(value.reshape(-1)[0])
    if not bounds[0] <= number <= bounds[1]:
        raise Refusal(
            f"{name}: {key} must be from {bounds[0]:g} to {bounds[1]:g} {unit}, not {number:g}"
        )
    return number


def _traces(name: str, traces: Array, rate: float) -> Array:
    if traces.ndim != 2 or traces.dtype.kind not in "iuf":  # noqa: PLR2004 - samples by channels
        raise Refusal(
            f"{name}: traces must be real numbers, samples x channels, not {traces.dtype} of shape "
            f"{traces.shape}"
        )
    samples, channels = traces.shape
    if channels < _FEWEST:
        raise Refusal(f"{name}: {channels} channels are too few; {_FEWEST} are needed")
    if samples < channels or samples < _SHORTEST_S * rate:
        raise Refusal(
            f"{name}: {samples} samples are less than {_SHORTEST_S:g} s (the order is samples x "
            "channels)"
        )
    if samples * channels * (traces.itemsize + _OWN_BYTES) > _MEMORY:
        most = _MEMORY / (traces.itemsize + _OWN_BYTES) / channels / rate
        raise Refusal(
            f"{name}: {samples / rate:.0f} s of {channels} channels do not fit into memory; give at "
            f"most {most:.0f} s at once, as integers of 16 bits"
        )
    still = np.ones(channels, dtype=bool)
    for start in range(0, samples, _CHUNK):
        part = traces[start : start + _CHUNK]
        if part.dtype.kind == "f" and not np.isfinite(part).all():
            at, channel = np.argwhere(~np.isfinite(part))[0]
            kind = "missing (NaN)" if np.isnan(part[at, channel]) else "infinite"
            raise Refusal(
                f"{name}: sample {start + at} of channel {channel} is {kind}; every one is needed"
            )
        if part.dtype.kind == "f" and np.abs(part).max() > _LARGEST:
            raise Refusal(f"{name}: traces hold values beyond {_LARGEST:g}; check the units")
        still &= (part == traces[0]).all(axis=0)
    if still.any():
        raise Refusal(
            f"{name}: channel {int(np.flatnonzero(still)[0])} never changes; leave dead channels out"
        )
    return traces


def _locations(name: str, locations: Array, channels: int) -> Array:
    if locations.shape != (channels, 2) or locations.dtype.kind not in "iuf":
        raise Refusal(
            f"{name}: locations_um must be {channels} places of two numbers (micrometres)"
        )
    places = locations.astype(np.float64)
    if not np.isfinite(places).all() or np.abs(places).max() > 1e5:  # noqa: PLR2004 - 10 cm
        raise Refusal(f"{name}: locations_um holds places that are not on a probe; check the units")
    if len(np.unique(places, axis=0)) < channels:
        raise Refusal(f"{name}: two channels are at the same place of locations_um")
    return places
