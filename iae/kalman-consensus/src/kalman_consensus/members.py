"""Read what the replicas of the smoother left, and check that they belong together."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kalman_consensus.refusal import Refusal

Array = NDArray[np.floating[Any]]

_SCHEMA = "neurocaas/config/v1"
_ARRAYS = (
    "signal_mean", "signal_sd", "observations", "channels", "units", "held_out", "held_out_score",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Members:
    """The replicas of one recording: K of them, T samples, N channels.

    `mean` and `sd` (K, T, N) are each replica's posterior of the noise-free signal, `observations`
    (T, N) the recording with NaN where missing. `values` (K,) counts the values each replica held
    out, `lds` and `white_noise` (K,) are their log predictive densities in nats.
    """

    mean: Array
    sd: Array
    observations: Array
    channels: tuple[str, ...]
    units: str
    sampling_rate: float | None
    values: Array
    lds: Array
    white_noise: Array


def read(inputs: Path) -> Members:
    """Read `inputs/replicas/<k>/smoothed.npz` for every replica; raise Refusal when one is amiss."""
    count = _replicas(inputs)
    found = [_load(inputs / "replicas" / str(k) / "smoothed.npz", k) for k in range(count)]
    first = found[0]
    held_out = np.zeros(first["held_out"].shape, dtype=np.int64)
    for k, member in enumerate(found):
        _same_recording(first, member, k)
        held_out += member["held_out"]
    if held_out.max() > 1:
        sample = int(np.argmax(held_out))
        raise Refusal(
            f"sample {sample} was held out by more than one replica: folds must not overlap"
        )
    score = np.stack([member["held_out_score"] for member in found])
    if not (score[:, 0] > 0).all():
        raise Refusal(f"replica {int(np.argmin(score[:, 0]))} held nothing out; nothing to compare")
    return Members(
        mean=np.stack([member["signal_mean"] for member in found]),
        sd=np.stack([member["signal_sd"] for member in found]),
        observations=first["observations"],
        channels=tuple(map(str, first["channels"])),
        units=str(first["units"]),
        sampling_rate=float(first["sampling_rate"]) if "sampling_rate" in first else None,
        values=score[:, 0],
        lds=score[:, 1],
        white_noise=score[:, 2],
    )


def _replicas(inputs: Path) -> int:
    try:
        config = json.loads((inputs / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"config.yaml cannot be read as JSON: {error}") from error
    if not isinstance(config, dict) or config.get("schema") != _SCHEMA:
        raise Refusal(f"config.yaml does not say schema: {_SCHEMA}")
    parameters = config.get("parameters")
    asked = parameters.get("replicas") if isinstance(parameters, dict) else None
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 2:  # noqa: PLR2004
        raise Refusal(f"replicas must be a whole number of at least 2, not {asked!r}")
    folder = inputs / "replicas"
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    expected = {str(k) for k in range(asked)}
    if there != expected:
        raise Refusal(
            f"parameter replicas is {asked}, but the outputs of replicas "
            f"{', '.join(sorted(there)) or 'none'} are there"
        )
    return asked


def _load(path: Path, replica: int) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"replica {replica}: smoothed.npz is a single array")
        with archive:
            arrays = {key: archive[key] for key in archive.files if not key.startswith("filtered")}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise Refusal(f"replica {replica}: smoothed.npz cannot be read ({reason})") from error
    foreign = [key for key, array in arrays.items() if not isinstance(array, np.ndarray)]
    if foreign:
        raise Refusal(f"replica {replica}: {foreign[0]} in smoothed.npz is no numpy array")
    lacking = [key for key in _ARRAYS if key not in arrays]
    if lacking:
        raise Refusal(f"replica {replica}: smoothed.npz lacks {', '.join(lacking)}")
    _check_shapes(arrays, replica)
    return arrays


def _check_shapes(arrays: dict[str, NDArray[Any]], replica: int) -> None:
    shape = arrays["observations"].shape
    if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - samples by channels
        raise Refusal(f"replica {replica}: observations have shape {shape}")
    expected = {
        "signal_mean": (shape, "f"),
        "signal_sd": (shape, "f"),
        "observations": (shape, "f"),
        "channels": (shape[1:], "U"),
        "held_out": (shape[:1], "b"),
        "held_out_score": ((3,), "f"),
    }
    for key, (wanted, kind) in expected.items():
        if arrays[key].shape != wanted or arrays[key].dtype.kind != kind:
            raise Refusal(
                f"replica {replica}: {key} is {arrays[key].dtype} of shape {arrays[key].shape}, "
                f"expected {wanted}"
            )
    for key in ("signal_mean", "signal_sd", "held_out_score"):
        if not np.isfinite(arrays[key]).all():
            raise Refusal(f"replica {replica}: {key} holds values that are not finite")


def _same_recording(
    first: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]], replica: int
) -> None:
    same = np.array_equal(first["observations"], other["observations"], equal_nan=True)
    if not same or not np.array_equal(first["channels"], other["channels"]):
        raise Refusal(f"replica {replica} smoothed another recording than replica 0")
