"""Read the video for the picture; write the consensus as DeepLabCut's users know it, and numbers for people."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dgp_consensus.combine import Array, Consensus, correlation, rmse, roughness, spread
from dgp_consensus.members import Members
from dgp_consensus.refusal import Refusal

_DIGITS = 6
_FEWEST = 3  # labels of which a correlation says anything
_SCORER = "ensemble-dgp"


def video(inputs: Path, members: Members) -> Array:
    """Return the frames (frames, height, width[, 3]) of the dataset; raise Refusal when they are not the replicas'."""
    if members.dataset is None:
        raise Refusal("config.yaml names no dataset; the consensus is drawn over its video")
    path = inputs / members.dataset
    try:
        with np.load(path, allow_pickle=False) as archive:
            frames = np.asarray(archive["frames"])
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise Refusal(f"{path.name}: frames cannot be read ({reason})") from error
    count, _, rows, columns = members.shape
    size = tuple(round(side * members.stride) for side in (rows, columns))
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or frames.shape[:3] != (count, *size):
        raise Refusal(
            f"{path.name}: frames are {frames.dtype} {frames.shape}, but replicas tracked {count} of {size[0]} x {size[1]} pixels"
        )
    return frames


def write(folder: Path, members: Members, consensus: Consensus) -> Mapping[str, Any]:
    """Write tracks.csv, consensus.npz and metrics.json; return the metrics."""
    last = consensus.positions[-1]
    (folder / "tracks.csv").write_text(
        _table(members.bodyparts, last, consensus.likelihood), encoding="utf-8"
    )
    np.savez_compressed(
        folder / "consensus.npz",
        positions=last,
        likelihood=consensus.likelihood,
        spread_px=spread(consensus.members),
        replicas=consensus.members,
        positions_of_first=consensus.positions,
        bodyparts=np.array(members.bodyparts),
        labels=members.labels,
        label_frames=members.label_frames,
        held_out=members.held_out,
    )
    metrics = _metrics(members, consensus)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _table(parts: tuple[str, ...], positions: Array, likelihood: Array) -> str:
    """Return DeepLabCut's table: three rows of heads, then x, y and likelihood of each part in each frame."""
    columns = [(part, coord) for part in parts for coord in ("x", "y", "likelihood")]
    lines = [
        ",".join(["scorer", *[_SCORER] * len(columns)]),
        ",".join(["bodyparts", *(part for part, _ in columns)]),
        ",".join(["coords", *(coord for _, coord in columns)]),
    ]
    for frame, (places, sure) in enumerate(zip(positions, likelihood, strict=True)):
        cells = [f"{v:.4f}" for (x, y), p in zip(places, sure, strict=True) for v in (x, y, p)]
        lines.append(",".join([str(frame), *cells]))
    return "\n".join(lines) + "\n"


def _metrics(members: Members, consensus: Consensus) -> dict[str, Any]:
    labels = members.labels[members.held_out]
    frames = members.label_frames[members.held_out]
    scatter = spread(consensus.members)
    return {
        "replicas": len(members.paths),
        "frames": members.shape[0],
        "bodyparts": list(members.bodyparts),
        "held_out_frames": len(frames),
        "rmse_px": {
            "replicas": [_known(rmse(one[frames], labels)) for one in consensus.members],
            "consensus_of_first": [_known(rmse(one[frames], labels)) for one in consensus.positions],
            "consensus": _known(rmse(consensus.positions[-1][frames], labels)),
        },
        "roughness_px_per_frame2": {
            "replicas": [_known(roughness(one)) for one in consensus.members],
            "consensus": _known(roughness(consensus.positions[-1])),
        },
        "spread_px": {
            "mean": _known(float(scatter.mean())),
            "percentile_95": _known(float(np.percentile(scatter, 95))),
        },
        "spread_error_rank_correlation": _known(_agreement(scatter[frames], consensus, frames, labels)),
        "mean_likelihood": _known(float(consensus.likelihood.mean())),
    }


def _agreement(scatter: Array, consensus: Consensus, frames: Array, labels: Array) -> float:
    """Return how the spread of replicas orders the mean error of a replica in labels that were held out."""
    errors = np.linalg.norm(consensus.members[:, frames] - labels, axis=-1).mean(axis=0)
    known = ~np.isnan(errors)
    if known.sum() < _FEWEST:
        return math.nan
    return correlation(scatter[known], errors[known])


def _known(value: float) -> float | None:
    """Keep the digits that a reader can use; what is not known is null."""
    return None if math.isnan(value) else float(f"{value:.{_DIGITS}g}")
