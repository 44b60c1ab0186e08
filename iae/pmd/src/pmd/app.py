"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pmd import movie as movies
from pmd import outputs, settings
from pmd.decomposition import analyse
from pmd.refusal import EXIT_CODE, Refusal
from pmd.summary import summarise

_SHARE = 0.9


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
    name = Path(asked.dataset).name
    _progress(0.0, f"reading {name}")
    movie = movies.read(inputs / asked.dataset)
    rate = movie.frame_rate or asked.frame_rate
    try:
        # Overflow must stop the analysis, not flow into its results.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            result = analyse(
                movie.frames, asked, lambda share, text: _progress(_SHARE * share, text)
            )
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise Refusal(f"{name}: the decomposition broke down numerically ({error})") from error
    _progress(_SHARE, "writing factors")
    summary = summarise(movie.frames, result)
    metrics = outputs.write(folder, movie, rate, result, summary)
    _progress(0.95, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from pmd.figure import draw

    draw(folder / "figure.png", movie, rate, result, summary, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
