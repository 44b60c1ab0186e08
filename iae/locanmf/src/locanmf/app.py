"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from locanmf import outputs, recording, settings
from locanmf.refusal import EXIT_CODE, Refusal
from locanmf.search import distances, search

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
    _progress(0.0, f"reading {Path(asked.dataset).name}")
    data = recording.read(inputs / asked.dataset)
    brain = data.atlas > 0
    _affordable(int(brain.sum()), len(data.labels), data.space.shape[2], asked.maximum_rank)
    # In an orthonormal basis of time, distances between K numbers are distances between movies.
    basis, mixing = np.linalg.qr(data.courses.T)
    movie = (data.space @ mixing.T)[brain]
    # Thresholds for "nothing" in the solver are absolute, so the units of the movie must not count.
    unit = float(np.sqrt(np.mean(movie**2)))
    inside = np.stack([data.atlas[brain] == label for label in data.labels])
    distance = distances(data.atlas, data.labels)[:, brain]

    def step(share: float, message: str) -> None:
        _progress(0.1 + 0.7 * share, message)

    result = search(movie / unit, inside, distance, asked, step)
    found = outputs.arrange(data, result, unit * basis)
    _progress(0.85, "writing arrays")
    metrics = outputs.write(folder, data, asked, result, found)
    _progress(0.9, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from locanmf.figure import draw

    draw(folder / "figure.png", data, found, metrics)
    _progress(1.0, "done")


def _affordable(pixels: int, regions: int, rank: int, most: int) -> None:
    """Refuse what would not fit: copies of the movie, distances, images and their changes."""
    each = 4 * rank + regions * (2 + 3 * most)
    if pixels * each > _MOST_NUMBERS:
        raise Refusal(
            f"{pixels} pixels in {regions} regions with up to {most} components each do not fit into "
            f"memory; give at most {_MOST_NUMBERS // each} pixels (bin the movie) or lower maximum_rank"
        )


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
