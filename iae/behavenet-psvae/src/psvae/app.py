"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from psvae import dataset, settings
from psvae.refusal import EXIT_CODE, Refusal

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
    _progress(0.0, f"reading {Path(asked.dataset).name}")
    recording = dataset.read(inputs / asked.dataset)
    # Imported late: a refused input must wait neither for torch nor for the drawing library.
    from psvae import outputs
    from psvae.training import fit, traverse

    result = fit(recording, asked, lambda share, text: _progress(_SHARE * share, text))
    _progress(_SHARE, "writing latents")
    metrics = outputs.write(folder, recording, asked, result)
    _progress(0.95, "drawing")
    from psvae.figure import draw

    draw(folder / "figure.png", recording, result, traverse(result, 7), metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
