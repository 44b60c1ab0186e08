"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from deepgraphpose import dataset, settings
from deepgraphpose.refusal import EXIT_CODE, Refusal

_SHARE = 0.9
_CELL_PX = 2  # along a side; a cell is two bytes
_MOST_BYTES = 1_800_000_000


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
    recording = dataset.read(inputs / asked.dataset)
    size = 2 * len(recording.bodyparts) * recording.frames.size // _CELL_PX**2
    if size > _MOST_BYTES:
        raise Refusal(
            f"{name}: scoremaps of {len(recording.frames)} frames would take {size / 1e9:.1f} GB; "
            "cut the video into parts, or bin its pixels"
        )
    # Imported late: a refused input must not wait for large libraries.
    from deepgraphpose import outputs, training

    fitted = training.fit(
        recording, asked, lambda share, text: _progress(_SHARE * share, text)
    )
    _progress(_SHARE, "tracking")
    tracks = training.track(fitted.tracker, recording, asked)
    metrics = outputs.write(folder, recording, asked, fitted, tracks)
    _progress(0.95, "drawing")
    from deepgraphpose.figure import draw

    draw(folder / "figure.png", recording, fitted, tracks, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
