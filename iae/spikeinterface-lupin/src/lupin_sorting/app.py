"""Run the sorter between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from lupin_sorting import recording as recordings
from lupin_sorting import settings
from lupin_sorting.refusal import EXIT_CODE, Refusal


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
    if 2 * asked.freq_max >= recording.rate:
        raise Refusal(
            f"{name}: freq_max ({asked.freq_max:g} Hz) must be below half the sampling frequency "
            f"({recording.rate / 2:g} Hz)"
        )
    # Imported late: a refused input must not wait for heavy libraries.
    from lupin_sorting import outputs
    from lupin_sorting.figure import draw
    from lupin_sorting.sort import sort
    from lupin_sorting.units import describe

    _progress(0.05, "sorting")
    spikes = sort(recording, asked)
    _progress(0.9, "measuring units")
    band = (asked.freq_min, asked.freq_max)
    units = describe(recording, spikes.samples, spikes.units, spikes.count, band)
    metrics = outputs.write(folder, recording, spikes.samples, spikes.units, units)
    _progress(0.95, "drawing")
    draw(folder / "figure.png", recording, spikes.samples, spikes.units, units, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
