"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from widefield import outputs, pipeline, settings
from widefield import recording as recordings
from widefield.refusal import EXIT_CODE, Refusal

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
    recording = recordings.read(inputs / asked.dataset)
    pipeline.check(recording, asked)
    try:
        # Overflow must stop the analysis, not flow into its results.
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            result = pipeline.analyse(
                recording, asked, lambda share, text: _progress(_SHARE * share, text)
            )
    except (np.linalg.LinAlgError, FloatingPointError) as error:
        raise Refusal(f"{name}: the correction broke down numerically ({error})") from error
    _progress(_SHARE, "writing results")
    metrics = outputs.write(folder, recording, result)
    _progress(0.95, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from widefield.figure import draw

    draw(folder / "figure.png", recording, result, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
