"""Read an image stack and its codebook from .npz, and say in one sentence why it cannot be used."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bardensr.optics import Array
from bardensr.refusal import Refusal

_IMAGES, _CODES = 4, 3
_LARGEST = 1e12
_SMALLEST = 8
_MOST_NUMBERS = 350_000_000
"""Of eight bytes each: less than 3 GB."""
_DENSITIES, _STACKS = 9, 6  # how many arrays of that size are held at once


@dataclass(frozen=True, slots=True)
class Stack:
    """Images (R, C, H, W), a codebook (R, C, J), names and a mask of unused barcodes (J,).

    `pixel_size` is in micrometres, or None where the file is silent.
    """

    images: Array
    codebook: Array
    genes: tuple[str, ...]
    unused: NDArray[np.bool_]
    pixel_size: float | None = None
    units: str = ""


def read(path: Path) -> Stack:
    """Read a file; raise Refusal when it is no usable stack."""
    name = path.name
    if path.suffix.lower() != ".npz":
        raise Refusal(f"{name}: the suffix must be .npz")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    arrays = _arrays(path)
    for key in ("images", "codebook"):
        if key not in arrays:
            found = ", ".join(sorted(arrays)[:5]) or "nothing"
            raise Refusal(f"{name}: it has no array named {key} (it has {found})")
    images, codebook = arrays["images"], arrays["codebook"]
    if images.ndim != _IMAGES or codebook.ndim != _CODES or images.shape[:2] != codebook.shape[1:]:
        raise Refusal(
            f"{name}: images must be rounds x channels x height x width and codebook barcodes x "
            f"rounds x channels, not {images.shape} and {codebook.shape}"
        )
    _affordable(name, images.shape, len(codebook))
    pixels = _real(name, "images", images)
    _check_images(name, pixels)
    codes = _codes(name, _real(name, "codebook", codebook))
    unused = _unused(name, arrays.get("unused"), len(codebook))
    units = arrays.get("units")
    if units is not None and (units.shape != () or units.dtype.kind != "U"):
        raise Refusal(f"{name}: units must be one text, such as 'photons'")
    return Stack(
        pixels,
        codes,
        _genes(name, arrays.get("genes"), len(codebook)),
        unused,
        _pixel_size(name, arrays),
        "" if units is None else str(units),
    )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise Refusal(f"{path.name}: it is a single array; save it with numpy.savez")
        with archive:
            arrays = {key: archive[key] for key in archive.files}
    except MemoryError as error:
        raise Refusal(f"{path.name}: it does not fit into memory; cut it into tiles") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise Refusal(f"{path.name}: not a readable .npz file ({reason})") from error
    foreign = [key for key, value in arrays.items() if not isinstance(value, np.ndarray)]
    if foreign:
        raise Refusal(f"{path.name}: not a readable .npz file ({foreign[0]} is no numpy array)")
    return arrays


def _affordable(name: str, shape: tuple[int, ...], barcodes: int) -> None:
    rounds, channels, height, width = shape
    if min(height, width) < _SMALLEST:
        raise Refusal(
            f"{name}: frames of {height} x {width} pixels are too small; {_SMALLEST} x {_SMALLEST} "
            "are needed (the order is rounds x channels x height x width)"
        )
    each = _DENSITIES * barcodes + _STACKS * rounds * channels
    if height * width * each > _MOST_NUMBERS:
        raise Refusal(
            f"{name}: {height} x {width} pixels with {barcodes} barcodes in {rounds * channels} frames "
            f"do not fit into memory; cut it into tiles of at most {_MOST_NUMBERS // max(each, 1)} pixels"
        )


def _real(name: str, key: str, values: NDArray[Any]) -> Array:
    if values.dtype.kind not in "iufb":
        raise Refusal(f"{name}: {key} must hold real numbers, not {values.dtype}")
    numbers = values.astype(np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        kind = "missing (NaN)" if np.isnan(numbers[at]) else "infinite"
        raise Refusal(f"{name}: the value of {key} at {at} is {kind}; every one is needed")
    if numbers.size and np.max(np.abs(numbers)) > _LARGEST:
        raise Refusal(f"{name}: {key} holds values beyond {_LARGEST:g}; check the units")
    return numbers


def _check_images(name: str, images: Array) -> None:
    still = (images == images[:, :, :1, :1]).all(axis=(2, 3))
    if still.any():
        at = np.argwhere(still)[0]
        raise Refusal(f"{name}: every pixel of round {at[0]}, channel {at[1]} is the same")


def _codes(name: str, codebook: Array) -> Array:
    if not len(codebook):
        raise Refusal(f"{name}: the codebook holds no barcode")
    if codebook.min() < 0:
        raise Refusal(f"{name}: the codebook holds negative values; 1 is light and 0 is none")
    codes = codebook.reshape(len(codebook), -1)
    dark = np.flatnonzero(~codes.any(axis=1))
    if len(dark):
        raise Refusal(f"{name}: barcode {dark[0]} of the codebook is dark in every frame")
    _, first, which = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which.ravel()] != np.arange(len(codes)))
    if len(again):
        twin = int(first[which.ravel()[again[0]]])
        raise Refusal(
            f"{name}: barcodes {twin} and {again[0]} are the same and cannot be told apart"
        )
    return np.ascontiguousarray(codebook.transpose(1, 2, 0))


def _genes(name: str, given: NDArray[Any] | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"barcode{number}" for number in range(count))
    if given.shape != (count,) or given.dtype.kind != "U":
        raise Refusal(f"{name}: genes must be {count} names, in the order of the codebook")
    names = tuple(str(value) for value in given)
    if len(set(names)) < count:
        raise Refusal(f"{name}: two genes have the same name")
    if any(not gene or not gene.isprintable() or set(gene) & set(',"') for gene in names):
        raise Refusal(
            f"{name}: a gene has no name, or one with commas, quotes or control characters"
        )
    return names


def _unused(name: str, given: NDArray[Any] | None, count: int) -> NDArray[np.bool_]:
    if given is None:
        return np.zeros(count, dtype=bool)
    if given.shape != (count,) or given.dtype.kind != "b":
        raise Refusal(f"{name}: unused must be {count} times true or false, one per barcode")
    if given.all():
        raise Refusal(f"{name}: all barcodes are called unused")
    return given


def _pixel_size(name: str, arrays: dict[str, NDArray[Any]]) -> float | None:
    if "pixel_size_um" not in arrays:
        return None
    value = _real(name, "pixel_size_um", arrays["pixel_size_um"])
    if value.size != 1 or not 1e-3 <= float(value.reshape(-1)[0]) <= 1e3:  # noqa: PLR2004
        raise Refusal(f"{name}: pixel_size_um must be one number of micrometres from 0.001 to 1000")
    return float(value.reshape(-1)[0])
