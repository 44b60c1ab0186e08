"""Write the results: tracks as DeepLabCut's users know them, the model, and numbers for people."""

from __future__ import annotations

import csv
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlc_training.project import Project
from dlc_training.settings import Settings
from dlc_training.training import Array, Trained, errors
from dlc_training.video import Film

_DIGITS = 6
_NEAR_PX = 5.0


def write(
    folder: Path, project: Project, asked: Settings, film: Film, trained: Trained
) -> Mapping[str, Any]:
    """Write tables, model and metrics.json; return the metrics."""
    _write_tracks(folder, trained.tracks)
    far = errors(trained.pictures, [picture.places for picture in project.pictures])
    _write_labels(folder / "labels.csv", project, trained.pictures, far)
    lines = [
        "epoch,loss",
        *(f"{number},{loss:.6g}" for number, loss in enumerate(trained.losses, 1)),
    ]
    (folder / "training.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copyfile(trained.snapshot, folder / "snapshot.pt")
    shutil.copyfile(trained.configuration, folder / "pytorch_config.yaml")
    metrics = _metrics(project, asked, film, trained, far)
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _write_tracks(folder: Path, tracks: pd.DataFrame) -> None:
    """Write DeepLabCut's table as HDF5 and CSV, under its own key; the same tracks give the same bytes."""
    tracks.to_csv(folder / "tracks.csv", float_format="%.4f")
    with pd.HDFStore(folder / "tracks.h5", mode="w") as store:
        # Else the file would hold the time at which it was made.
        store.put("df_with_missing", tracks, format="table", index=False, track_times=False)


def _write_labels(path: Path, project: Project, found: Array, far: Array) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            [
                "video",
                "picture",
                "set",
                "bodypart",
                "x",
                "y",
                "x_found",
                "y_found",
                "likelihood",
                "error_px",
            ]
        )
        for picture, parts, distances in zip(project.pictures, found, far, strict=True):
            which = "train" if picture.trained else "test"
            for name, place, (x, y, sure), error in zip(
                project.bodyparts, picture.places, parts, distances, strict=True
            ):
                cells = (*place, x, y, sure, error)
                written = ["" if math.isnan(cell) else f"{cell:.4f}" for cell in cells]
                table.writerow([picture.folder, picture.name, which, name, *written])


def _metrics(
    project: Project, asked: Settings, film: Film, trained: Trained, far: Array
) -> dict[str, Any]:
    which = np.array([picture.trained for picture in project.pictures])
    likelihood = trained.tracks.xs("likelihood", axis=1, level="coords").to_numpy(float)
    return {
        "frames": len(trained.tracks),
        "width_px": film.width,
        "height_px": film.height,
        "frame_rate_hz": _rounded(film.rate_hz),
        "bodyparts": list(project.bodyparts),
        "labels": {
            "test": _scores(far[~which]),
            "train": _scores(far[which]),
            "frames_without": project.unlabelled,
        },
        "mean_likelihood": _rounded(float(likelihood.mean())),
        "share_below_likelihood_cutoff": _rounded(
            float((likelihood < asked.likelihood_cutoff).mean())
        ),
        "epochs": asked.epochs,
        "last_loss": _rounded(trained.losses[-1]),
    }


def _scores(far: Array) -> dict[str, Any]:
    """Return errors of marked parts: root mean square, median, share within five pixels; None where nothing is marked."""
    known = far[~np.isnan(far)]
    if not len(known):
        return {
            "frames": len(far),
            "rmse_px": None,
            "median_error_px": None,
            "share_within_5_px": None,
        }
    return {
        "frames": len(far),
        "rmse_px": _rounded(float(np.sqrt((known**2).mean()))),
        "median_error_px": _rounded(float(np.median(known))),
        "share_within_5_px": _rounded(float((known < _NEAR_PX).mean())),
    }


def _rounded(value: float) -> float:
    """Keep the digits that a reader can use."""
    return float(f"{value:.{_DIGITS}g}")
