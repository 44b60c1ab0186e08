"""Combine the replicas between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from dgp_consensus import members, outputs
from dgp_consensus.combine import combine
from dgp_consensus.refusal import EXIT_CODE, Refusal


def main(inputs: Path, outputs_folder: Path) -> int:
    """Return the exit code: 0, or 65 when the input is refused (the sentence is on stderr)."""
    try:
        _run(inputs, outputs_folder)
    except Refusal as refusal:
        sys.stderr.write(f"error: {refusal}\n")
        return EXIT_CODE
    return 0


def _run(inputs: Path, folder: Path) -> None:
    _progress(0.0, "reading replicas")
    found = members.read(inputs)
    video = outputs.video(inputs, found)
    _progress(0.1, f"combining {len(found.paths)} replicas")
    consensus = combine(found.chunks(), found.sharpness, found.stride)
    metrics = outputs.write(folder, found, consensus)
    _progress(0.7, "drawing")
    # Imported late: a refused input must not wait for the drawing library.
    from dgp_consensus.figure import draw

    draw(folder / "figure.png", found, consensus, video, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
