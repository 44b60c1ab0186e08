"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from dlc_tracking import outputs, settings, tracks
from dlc_tracking.analysis import analyse
from dlc_tracking.refusal import EXIT_CODE, Refusal


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
    data = tracks.read(inputs / asked.dataset)
    _progress(0.4, f"{len(data.xy)} frames of {len(data.parts)} body parts")
    result = analyse(data, asked, name)
    _progress(0.7, f"{len(result.bouts)} bouts of freezing; writing tables")
    metrics = outputs.write(folder, asked, result)
    _progress(0.8, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from dlc_tracking.figure import draw

    draw(folder / "figure.png", asked, result, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
