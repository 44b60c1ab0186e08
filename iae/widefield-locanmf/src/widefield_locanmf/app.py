"""Run the second half of the chain between two folders; what can go wrong becomes one sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from locanmf import outputs, recording
from locanmf.refusal import EXIT_CODE, Refusal
from locanmf.search import distances, search

from widefield_locanmf import settings

_MOST_NUMBERS = 350_000_000
"""Of eight bytes each: less than 3 GB."""


def main(inputs: Path, outputs_folder: Path) -> int:
    """Return the exit code: 0, or 65 when the input is refused (the sentence is on stderr)."""
    try:
        _run(inputs, outputs_folder)
    except Refusal as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        return EXIT_CODE
    return 0


def _run(inputs: Path, folder: Path) -> None:
    asked = settings.read(inputs)
    _progress(0.0, "reading the corrected movie")
    data = recording.read(inputs / settings.DATASET)
    before = _earlier(inputs / settings.DATASET)
    brain = data.atlas > 0
    most = asked.settings.maximum_rank
    _affordable(int(brain.sum()), len(data.labels), data.space.shape[2], most)
    # In an orthonormal basis of time, distances between K numbers are distances between movies.
    basis, mixing = np.linalg.qr(data.courses.T)
    movie = (data.space @ mixing.T)[brain]
    # Thresholds for "nothing" in the solver are absolute, so the units of the movie must not count.
    unit = float(np.sqrt(np.mean(movie**2)))
    inside = np.stack([data.atlas[brain] == label for label in data.labels])
    distance = distances(data.atlas, data.labels)[:, brain]

    def step(share: float, message: str) -> None:
        _progress(0.1 + 0.7 * share, message)

    result = search(movie / unit, inside, distance, asked.settings, step)
    found = outputs.arrange(data, result, unit * basis)
    _progress(0.85, "writing arrays")
    metrics = outputs.write(folder, data, asked.settings, result, found)
    # One file says what the whole chain did, so that runs can be compared by it alone.
    whole = {"parameters": asked.parameters, "preprocess": before, **metrics}
    text = json.dumps(whole, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    _progress(0.9, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from locanmf.figure import draw

    draw(folder / "figure.png", data, found, metrics)
    _progress(1.0, "done")


def _earlier(corrected: Path) -> dict[str, Any]:
    """Return the metrics that the earlier step left beside its movie."""
    path = corrected.with_name("metrics.json")
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refusal(f"the earlier step left no readable metrics.json: {error}") from error
    if not isinstance(metrics, dict):
        raise Refusal("the metrics.json of the earlier step is no mapping of names to values")
    return metrics


def _affordable(pixels: int, regions: int, rank: int, most: int) -> None:
    """Refuse what would not fit: copies of the movie, distances, images and their changes."""
    each = 4 * rank + regions * (2 + 3 * most)
    if pixels * each > _MOST_NUMBERS:
        raise Refusal(
            f"{pixels} pixels in {regions} regions with up to {most} components each do not fit into "
            f"memory; bin the movie to at most {_MOST_NUMBERS // each} pixels or lower maximum_rank"
        )


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
