"""Run the analysis between two folders and turn what can go wrong into one sentence."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path, PurePosixPath

from dlc_training import project, settings
from dlc_training.refusal import EXIT_CODE, Refusal


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
    data = project.read(inputs / asked.dataset, asked.training_fraction, asked.seed)
    # Always the same place: its name is in the configuration of the model, which is an output.
    work = Path(tempfile.gettempdir()) / "project"
    paths, film_path = project.unpack(data, work)
    # Imported late: a refused input must not wait for large libraries.
    from dlc_training import pictures, video

    try:
        pictures.check(data, paths)
        film = video.look(film_path, PurePosixPath(data.video).name)
        _progress(0.02, f"{len(paths)} labelled frames; a video of {film.frames}")
        from dlc_training import outputs, training

        trained = training.run(data, asked, work, paths, film, _progress)
    except Refusal as refusal:
        raise Refusal(f"{name}: {refusal}") from None
    metrics = outputs.write(folder, data, asked, film, trained)
    _progress(0.95, "drawing")
    from dlc_training.figure import draw

    draw(folder / "figure.png", data, asked, film, trained, metrics)
    _progress(1.0, "done")


def _progress(fraction: float, message: str) -> None:
    sys.stdout.write(f"::progress {fraction:.2f} {message}\n")
    sys.stdout.flush()
