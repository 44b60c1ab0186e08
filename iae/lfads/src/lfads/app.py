"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from lfads import dataset, settings
from lfads.refusal import EXIT_CODE, Refusal

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
    recording = dataset.read(inputs / asked.dataset, asked.hold_out_every)
    # Imported late: a refused input must not wait for large libraries.
    from lfads import outputs, training

    fitted = training.fit(
        recording, asked, lambda share, text: _progress(_SHARE * share, text)
    )
    _progress(_SHARE, "inferring rates")
    inferred = training.infer(fitted, recording, asked)
    metrics = outputs.write(folder, recording, asked, fitted, inferred)
    _progress(0.95, "drawing")
    from lfads.figure import draw

    draw(folder / "figure.png", recording, fitted, inferred, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
