"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from kalman_smoother import outputs, recording, settings
from kalman_smoother.analysis import analyse
from kalman_smoother.refusal import EXIT_CODE, Refusal

_FIT_SHARE = 0.8


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
    if data.sampling_rate is None:
        data = replace(data, sampling_rate=asked.sampling_rate)

    def step(number: int, log_likelihood: float) -> None:
        share = _FIT_SHARE * number / max(asked.em_iterations, 1)
        _progress(share, f"EM step {number}: log-likelihood {log_likelihood:.3f}")

    try:
        # Overflow must stop the analysis, not flow into its results.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            result = analyse(data, asked, step)
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise Refusal(
            f"{Path(asked.dataset).name}: the fit broke down numerically ({error}); "
            "try fewer latents, standardize: true or diagonal observation_noise"
        ) from error
    _progress(_FIT_SHARE, "writing arrays")
    metrics = outputs.write(folder, data, asked, result)
    _progress(0.9, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from kalman_smoother.figure import draw

    draw(folder / "figure.png", data, result, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
