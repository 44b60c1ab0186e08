"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cnmf import movie as movies
from cnmf import settings
from cnmf.fit import analyse
from cnmf.refusal import EXIT_CODE, Refusal

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
    if rate is None:
        raise Refusal(f"{name}: it does not say its frame rate; give the parameter frame_rate (Hz)")
    shown = -1

    def report(share: float, text: str) -> None:
        nonlocal shown
        if int(50 * share) > shown:
            shown = int(50 * share)
            _progress(_SHARE * share, text)

    try:
        # Overflow must stop the analysis, not flow into its results.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            fit = analyse(movie.frames, rate, asked, report)
    except Refusal as refusal:
        raise Refusal(f"{name}: {refusal}") from refusal
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise Refusal(f"{name}: the factorization broke down numerically ({error})") from error
    _progress(_SHARE, "writing estimates")
    # Imported late: a refused input must not wait for the drawing library.
    from cnmf import outputs
    from cnmf.figure import draw

    metrics = outputs.write(folder, movie, rate, asked, fit)
    _progress(0.95, "drawing")
    draw(folder / "figure.png", rate, fit, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
