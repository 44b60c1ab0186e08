"""Hold the cells that the analysis found in the sample against the truth and the bars.

    python score.py OUTPUTS

prints the scores as JSON; exit code 1 and the bars that were missed when there are any. Needs numpy,
scipy and h5py. A cell is found when the masks of its footprint and of an accepted component (above 0.4 of
their brightest pixels) share half of their union. The baseline is the mean of the registered movie in the true
masks, which is what is done without demixing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter1d, shift
from scipy.optimize import linear_sum_assignment

_HERE = Path(__file__).resolve().parent
_MASK, _ALIKE = 0.4, 0.5
_SPIKE_FRAMES = 1.5  # standard deviation of the blur before spikes are compared


def read(outputs: Path) -> dict[str, np.ndarray]:
    """Return accepted footprints (K, H, W), their calcium and spikes (K, T), and shifts (T, 2)."""
    with h5py.File(outputs / "caiman.hdf5") as file:
        part = file["estimates"]
        A = sparse.csc_array(
            tuple(part["A"][name][()] for name in ("data", "indices", "indptr")),
            shape=tuple(part["A/shape"][()]),
        )
        kept, dims = part["idx_components"][()], tuple(part["dims"][()])
        images = A[:, kept].toarray().reshape(*dims, -1, order="F").transpose(2, 0, 1)
        return {
            "footprints": images,
            "calcium": part["C"][()][kept],
            "spikes": part["S"][()][kept],
            "shifts": part["shifts_rig"][()],
        }


def _masks(images: np.ndarray) -> np.ndarray:
    return (images > _MASK * images.max(axis=(1, 2), keepdims=True)).reshape(len(images), -1)


def _correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    pairs = zip(one.astype(float), other.astype(float), strict=True)
    return np.array([np.corrcoef(a, b)[0, 1] if a.std() * b.std() > 0 else 0.0 for a, b in pairs])


def compare(truth: Any, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the scores of what was found."""
    true, count = _masks(truth["footprints"]), len(found["footprints"])
    if not count:
        return {"f1": 0.0, "median_trace_correlation": 0.0, "median_spike_correlation": 0.0}
    ours = _masks(found["footprints"])
    shared = true.astype(float) @ ours.T.astype(float)
    alike = shared / (true.sum(axis=1)[:, None] + ours.sum(axis=1) - shared)
    a, b = linear_sum_assignment(-alike)
    a, b = a[alike[a, b] >= _ALIKE], b[alike[a, b] >= _ALIKE]
    traces = _correlations(truth["calcium"][a], found["calcium"][b])
    blurred = [
        gaussian_filter1d(s.astype(float), _SPIKE_FRAMES)
        for s in (truth["spikes"][a], found["spikes"][b])
    ]
    hits = len(a)
    return {
        "precision": hits / count,
        "recall": hits / len(true),
        "f1": 2 * hits / (count + len(true)),
        "median_overlap": float(np.median(alike[a, b])) if hits else 0.0,
        "median_trace_correlation": float(np.median(traces)) if hits else 0.0,
        "least_trace_correlation": float(traces.min()) if hits else 0.0,
        "median_spike_correlation": float(np.median(_correlations(*blurred))) if hits else 0.0,
    }


def baseline(movie: np.ndarray, truth: Any) -> float:
    """Return the median correlation of the means in the true masks with the true calcium."""
    still = np.array([
        shift(frame.astype(float), -moved, order=1, mode="nearest")
        for frame, moved in zip(movie, truth["shifts"], strict=True)
    ])  # fmt: skip
    masks = _masks(truth["footprints"])
    means = masks.astype(float) @ still.reshape(len(still), -1).T / masks.sum(axis=1)[:, None]
    return float(np.median(_correlations(truth["calcium"], means)))


def score(outputs: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the scores, and a sentence for every bar that was missed."""
    bars = json.loads((_HERE / "expected.json").read_text())
    with np.load(_HERE / "truth.npz") as file:
        truth = {key: file[key] for key in file.files}
    with np.load(_HERE / "dataset/cells.npz") as file:
        movie = file["movie"]
    found = read(outputs)
    scores: dict[str, Any] = compare(truth, found)
    error = found["shifts"] - truth["shifts"]
    error -= error.mean(axis=0)
    scores["motion_rmse_px"] = float(np.sqrt(np.mean(error**2)))
    scores["roi_average_trace_correlation"] = baseline(movie, truth)
    missed = [
        f"{name} is {scores[name]:.3f}, at least {bars[name]['minimum']} is asked for"
        for name in ("f1", "median_trace_correlation", "median_spike_correlation")
        if scores[name] < bars[name]["minimum"]
    ]
    if scores["median_trace_correlation"] <= scores["roi_average_trace_correlation"]:
        missed.append("traces are no better than means in the true masks")
    if scores["motion_rmse_px"] > bars["motion_rmse_px"]["maximum"]:
        missed.append(f"the error of the motion is {scores['motion_rmse_px']:.3f} pixels")
    return scores, missed


if __name__ == "__main__":
    _scores, _missed = score(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(_scores, indent=2) + "\n")
    sys.stderr.writelines(f"missed: {line}\n" for line in _missed)
    sys.exit(1 if _missed else 0)
