"""Open what the replicas of the tracker left, check that they belong together, and read them frame by frame."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from dgp_consensus.combine import Array
from dgp_consensus.refusal import Refusal

_SCHEMA = "neurocaas/config/v1"
_FILE = "scoremaps.npz"
_SMALL = ("stride_px", "sharpness", "bodyparts", "labels", "label_frames", "held_out")
_MAPS = "scoremaps"
_CELLS = 4_000_000  # of all replicas, held at once
_BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True)
class Members:
    """The replicas of one video: paths of their scoremaps (frames, parts, rows, columns), and what they share.

    `labels` (labelled, parts, 2) in pixels of the frames `label_frames`; `held_out` says which no replica was trained
    with; `sharpness` and `stride` say how positions are read from scoremaps.
    """

    paths: tuple[Path, ...]
    shape: tuple[int, int, int, int]
    bodyparts: tuple[str, ...]
    labels: Array
    label_frames: Array
    held_out: Array
    sharpness: float
    stride: float
    dataset: str | None

    def chunks(self) -> Iterator[tuple[Array, ...]]:
        """Yield some frames of all replicas at a time, so that a long video takes no more memory than a short one.

        Raise Refusal when a file breaks off or holds what is not finite.
        """
        frames, *rest = self.shape
        cells = int(np.prod(rest))
        step = max(1, _CELLS // (cells * len(self.paths)))
        with ExitStack() as stack:
            streams = []
            for replica, path in enumerate(self.paths):
                stream, shape, dtype = _stream(stack, path, replica)
                if shape != self.shape:
                    raise Refusal(
                        f"replica {replica}: scoremaps are {shape}, but replica 0's are {self.shape}"
                    )
                streams.append((stream, dtype))
            for start in range(0, frames, step):
                count = min(step, frames - start)
                yield tuple(
                    _read(stream, dtype, (count, *rest), replica)
                    for replica, (stream, dtype) in enumerate(streams)
                )


def read(inputs: Path) -> Members:
    """Open `inputs/replicas/<k>/scoremaps.npz` for every replica; raise Refusal when one is amiss."""
    count, dataset = _config(inputs)
    paths = tuple(inputs / "replicas" / str(k) / _FILE for k in range(count))
    found = [_load(path, replica) for replica, path in enumerate(paths)]
    first = found[0]
    for replica, other in enumerate(found[1:], 1):
        for key in _SMALL:
            if not _same(first[key], other[key]):
                raise Refusal(f"replica {replica} tracked something else than replica 0: {key} differs")
    with ExitStack() as stack:
        _, shape, _ = _stream(stack, paths[0], 0)
    _check(first, shape)
    return Members(
        paths, shape, tuple(map(str, first["bodyparts"])), first["labels"].astype(np.float64),
        first["label_frames"], first["held_out"], float(first["sharpness"]),
        float(first["stride_px"]), dataset,
    )  # fmt: skip


def _config(inputs: Path) -> tuple[int, str | None]:
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
    if there != {str(k) for k in range(asked)}:
        raise Refusal(
            f"parameter replicas is {asked}, but the outputs of replicas "
            f"{', '.join(sorted(there)) or 'none'} are there"
        )
    dataset = config.get("dataset")
    return asked, dataset if isinstance(dataset, str) and dataset else None


def _load(path: Path, replica: int) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            lacking = [key for key in (*_SMALL, _MAPS) if key not in archive.files]
            if lacking:
                raise Refusal(f"replica {replica}: {_FILE} lacks {', '.join(lacking)}")
            return {key: np.asarray(archive[key]) for key in _SMALL}
    except (*_BROKEN, AttributeError) as error:
        raise _unreadable(replica, error) from error


def _stream(
    stack: ExitStack, path: Path, replica: int
) -> tuple[IO[bytes], tuple[int, int, int, int], np.dtype[Any]]:
    """Open the scoremaps inside an archive behind their header; answer stream, shape and type."""
    try:
        stream = stack.enter_context(stack.enter_context(zipfile.ZipFile(path)).open(f"{_MAPS}.npy"))
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise Refusal(f"replica {replica}: scoremaps are of the npy format {version}, not 1.0")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except _BROKEN as error:
        raise _unreadable(replica, error) from error
    if len(shape) != 4 or 0 in shape or dtype.kind != "f" or fortran:  # noqa: PLR2004
        raise Refusal(
            f"replica {replica}: scoremaps must be floating point (frames, parts, rows, columns), not {dtype} {shape}"
        )
    return stream, shape, dtype


def _read(stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], replica: int) -> Array:
    size = dtype.itemsize * int(np.prod(shape))
    try:
        data = stream.read(size)
    except _BROKEN as error:
        raise _unreadable(replica, error) from error
    if len(data) < size:
        raise Refusal(f"replica {replica}: {_FILE} breaks off")
    maps = np.frombuffer(data, dtype).reshape(shape)
    if not np.isfinite(maps).all():
        raise Refusal(f"replica {replica}: scoremaps hold values that are not finite")
    return maps


def _unreadable(replica: int, error: Exception) -> Refusal:
    return Refusal(f"replica {replica}: {_FILE} cannot be read ({' '.join(str(error).split())[:200]})")


def _check(found: dict[str, Array], shape: tuple[int, int, int, int]) -> None:
    """Refuse what is shared between replicas but does not fit their scoremaps."""
    frames, parts = shape[:2]
    count = len(found["label_frames"]) if found["label_frames"].ndim == 1 else -1
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        "bodyparts": ((parts,), "U"),
        "labels": ((count, parts, 2), "f"),
        "label_frames": ((count,), "iu"),
        "held_out": ((count,), "b"),
        "sharpness": ((), "f"),
        "stride_px": ((), "iuf"),
    }
    for key, (wanted, kinds) in expected.items():
        if found[key].shape != wanted or found[key].dtype.kind not in kinds:
            raise Refusal(
                f"replica 0: {key} is {found[key].dtype} of shape {found[key].shape}, expected {wanted}"
            )
    chosen = found["label_frames"]
    if count and (chosen.min() < 0 or chosen.max() >= frames):
        raise Refusal(f"replica 0: label_frames names frames that are none of 0 to {frames - 1}")
    for key in ("sharpness", "stride_px"):
        if not np.isfinite(found[key]) or found[key] <= 0:
            raise Refusal(f"replica 0: {key} must be above 0, not {float(found[key]):g}")


def _same(one: Array, other: Array) -> bool:
    exact = one.dtype.kind != "f" or other.dtype.kind != "f"
    return bool(np.array_equal(one, other, equal_nan=not exact))
