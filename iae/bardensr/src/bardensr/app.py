"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bardensr import outputs, settings, stack
from bardensr.fit import analyse
from bardensr.optics import Blur
from bardensr.refusal import EXIT_CODE, Refusal
from bardensr.spots import cut, find

_SHARE = 0.85


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
    data = stack.read(inputs / asked.dataset)
    try:
        # Overflow must stop the analysis, not flow into its results.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            fit = analyse(
                data.images,
                data.codebook,
                asked,
                lambda share, text: _progress(_SHARE * share, text),
            )
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise Refusal(f"{name}: the fit broke down numerically ({error})") from error
    spots = find(fit, Blur(asked.psf_sigma), asked.minimum_distance)
    threshold = cut(spots, data.unused, asked.minimum_score, asked.false_discovery_rate)
    _progress(_SHARE, "writing spots")
    kept, metrics = outputs.write(folder, data, fit, spots, threshold)
    _progress(0.9, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from bardensr.figure import draw

    draw(folder / "figure.png", data, fit, spots, kept, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
