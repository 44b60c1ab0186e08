"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from epi import dataset, outputs, settings
from epi.check import simulate_afresh
from epi.inference import infer
from epi.refusal import EXIT_CODE, Refusal

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
    question = dataset.read(inputs / asked.dataset)
    try:
        # Overflow must stop the analysis, not flow into its results.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            result = infer(
                question.wanted,
                question.bounds,
                asked,
                lambda share, text: _progress(_SHARE * share, text),
            )
            check = simulate_afresh(result.flow, question.wanted, question.bounds, asked.seed)
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise Refusal(
            f"{name}: the inference broke down numerically ({error}); lower learning_rate"
        ) from error
    _progress(_SHARE, "writing samples")
    theta, logq, metrics = outputs.write(folder, question, asked, result, check)
    _progress(0.95, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from epi.figure import draw

    draw(folder / "figure.png", question, result, check, (theta, logq), metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
