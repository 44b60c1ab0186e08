"""Write the results: the estimates for programs, a table of cells, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy import sparse

from cnmf.fit import Fit
from cnmf.movie import Movie
from cnmf.noise import Array
from cnmf.settings import Settings

_DIGITS = 6


def write(folder: Path, movie: Movie, rate: float, asked: Settings, fit: Fit) -> Mapping[str, Any]:
    """Write caiman.hdf5, components.csv and metrics.json; return the metrics. `rate` is in Hz."""
    _estimates(folder / "caiman.hdf5", movie, rate, asked, fit)
    _table(folder / "components.csv", rate, fit)
    metrics = _metrics(movie, rate, fit)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def centres(fit: Fit) -> Array:
    """Return the centre of mass (K, 2) of every footprint: row and column in pixels."""
    rows, columns = np.divmod(np.arange(fit.shape[0] * fit.shape[1]), fit.shape[1])
    mass = np.asarray(fit.factors.A.sum(axis=0)).ravel()
    return np.stack([fit.factors.A.T @ rows, fit.factors.A.T @ columns], axis=1) / mass[:, None]


def events(fit: Fit) -> Array:
    """Return the frames (K, T) with a spike that is larger than the noise of its trace."""
    loud: Array = fit.factors.S > fit.left.std(axis=1)[:, None]
    return loud


def background_image(fit: Fit) -> Array:
    """Return the background (H, W), averaged over time."""
    return (fit.factors.b @ fit.factors.f.mean(axis=1)).reshape(fit.shape)


def _estimates(path: Path, movie: Movie, rate: float, asked: Settings, fit: Fit) -> None:
    """Write names and meanings of CaImAn's own HDF5 files; pixels run down the columns, as there."""
    factors, accepted = fit.factors, fit.quality.accepted
    order = np.arange(fit.shape[0] * fit.shape[1]).reshape(fit.shape).ravel(order="F")
    A = sparse.csc_array(sparse.csr_array(factors.A)[order])
    A.sort_indices()
    # Times of objects are not kept, so that equal results are equal files.
    with h5py.File(path, "w", track_order=False) as file:
        file.attrs["program"] = "caiman of NeuroCAAS-CI: CNMF written from the papers, not CaImAn"
        file.attrs["units"] = movie.units
        estimates = file.create_group("estimates")
        stored = estimates.create_group("A")
        for name, values in (
            ("data", A.data.astype(np.float32)),
            ("indices", A.indices.astype(np.int32)),
            ("indptr", A.indptr.astype(np.int32)),
            ("shape", np.array(A.shape, dtype=np.int64)),
        ):
            stored.create_dataset(name, data=values, track_times=False)
        for name, values in (
            ("C", factors.C.astype(np.float32)),
            ("S", factors.S.astype(np.float32)),
            ("YrA", fit.left.astype(np.float32)),
            ("bl", factors.baselines),
            ("g", factors.decays),
            ("b", factors.b[order].astype(np.float32)),
            ("f", factors.f.astype(np.float32)),
            ("sn", fit.noise[order].astype(np.float32)),
            ("dims", np.array(fit.shape, dtype=np.int64)),
            ("shifts_rig", fit.shifts.astype(np.float32)),
            ("SNR_comp", fit.quality.snr),
            ("r_values", fit.quality.correlation),
            ("idx_components", np.flatnonzero(accepted).astype(np.int64)),
            ("idx_components_bad", np.flatnonzero(~accepted).astype(np.int64)),
        ):
            estimates.create_dataset(name, data=values, track_times=False)
        data = file.create_group("params/data")
        data.create_dataset("fr", data=rate, track_times=False)
        data.create_dataset("decay_time", data=asked.decay_time, track_times=False)
        data.create_dataset("dims", data=np.array(fit.shape, dtype=np.int64), track_times=False)


def _table(path: Path, rate: float, fit: Fit) -> None:
    pixels = np.diff(fit.factors.A.indptr)
    happened = events(fit)
    seconds = fit.factors.C.shape[1] / rate
    lines = [
        "component,accepted,row_px,column_px,pixels,snr,spatial_correlation,decay_s,events_per_minute"
    ]
    for k, (row, column) in enumerate(centres(fit)):
        decay = -1 / (rate * np.log(fit.factors.decays[k]))
        lines.append(
            f"{k},{'yes' if fit.quality.accepted[k] else 'no'},{row:.3f},{column:.3f},{pixels[k]},"
            f"{fit.quality.snr[k]:.3f},{fit.quality.correlation[k]:.4f},{decay:.3f},"
            f"{60 * int(np.sum(happened[k])) / seconds:.2f}"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _metrics(movie: Movie, rate: float, fit: Fit) -> dict[str, Any]:
    frames, height, width = movie.frames.shape
    quality = fit.quality
    accepted = quality.accepted

    def median(values: Array) -> float | None:
        return _rounded(float(np.median(values))) if len(values) else None

    return {
        "frames": frames,
        "height": height,
        "width": width,
        "frame_rate_hz": rate,
        "units": movie.units,
        "components": {
            "started": fit.started,
            "joined": fit.joined,
            "vanished": fit.vanished,
            "accepted": int(accepted.sum()),
            "rejected": int((~accepted).sum()),
        },
        "background_rank": len(fit.factors.f),
        "noise_sd_median": _rounded(float(np.median(fit.noise))),
        "motion_px": {
            "rms": _rounded(float(np.sqrt(np.mean(fit.shifts**2)))),
            "largest": _rounded(float(np.abs(fit.shifts).max())),
        },
        "accepted_median": {
            "snr": median(quality.snr[accepted]),
            "spatial_correlation": median(quality.correlation[accepted]),
            "pixels": median(np.diff(fit.factors.A.indptr)[accepted]),
            "decay_s": median(-1 / (rate * np.log(fit.factors.decays[accepted]))),
        },
        "residual_noise_ratio": _rounded(fit.residual_ratio()),
    }


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
