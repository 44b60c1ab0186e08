"""Make the sample: a mouse in an open field that freezes now and then, as DeepLabCut would track it.

    python generate.py

writes dataset/open-field.csv (what the analysis gets) and truth.csv (the bouts it should find).
Needs numpy; the same bytes every time. What makes it hard is in it on purpose: positions jitter,
breathing moves the frozen body, the animal pauses for less than a bout, the tracker loses body parts
with a low likelihood, jumps to the wrong place with a high one, and loses the whole animal once
while it runs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_129
_RATE_HZ = 25.0
_FRAMES = 2250
_ARENA = 480.0  # pixels
_PARTS = ("nose", "leftear", "rightear", "tailbase")
_OFFSETS = np.array([[51.0, 0.0], [33.0, 13.5], [33.0, -13.5], [-33.0, 0.0]])  # ahead, to the left
_JITTER = 1.0  # pixels
_LOST, _JUMPED = 0.02, 0.004  # of all positions, one by one
_SCORER = "DLC_resnet50_openfieldNov29shuffle1_200000"
_HIDDEN = slice(1290, 1335)


def _stretches(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return which frames are frozen for long enough to be a bout, and which are mere pauses."""
    frozen, paused = np.zeros((2, _FRAMES), dtype=bool)
    frame = 60
    while True:
        length = int(rng.uniform(1.4, 7.0) * _RATE_HZ)
        if frame + length > _FRAMES - 40:
            return frozen, paused
        if not (frame - 25 < _HIDDEN.stop and frame + length + 25 > _HIDDEN.start):
            frozen[frame : frame + length] = True
        frame += length + int(rng.uniform(3.0, 8.0) * _RATE_HZ)
        # A pause of less than a bout in the middle of the run before.
        middle = frame - 35
        paused[middle : middle + int(rng.uniform(0.3, 0.7) * _RATE_HZ)] = True


def _path(rng: np.random.Generator, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return centre (T, 2) and heading (T,) of an animal that runs, turns at walls, and rests."""
    centre, heading, speed, turn = np.full(2, _ARENA / 2), rng.uniform(0, 2 * np.pi), 4.0, 0.0
    centres, headings = np.empty((_FRAMES, 2)), np.empty(_FRAMES)
    for frame in range(_FRAMES):
        if not rest[frame]:
            speed = np.clip(speed + 0.15 * (4.5 - speed) + 0.9 * rng.normal(), 0.8, 11.0)
            turn = 0.85 * turn + 0.05 * rng.normal()
            home = _ARENA / 2 - centre
            if np.hypot(*home) > 0.27 * _ARENA:
                turn += 0.12 * np.sign(np.sin(np.arctan2(home[1], home[0]) - heading))
            heading += turn
            step = speed * np.array([np.cos(heading), np.sin(heading)])
            centre = np.clip(centre + step, 0.15 * _ARENA, 0.85 * _ARENA)
        centres[frame], headings[frame] = centre, heading
    return centres, headings


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    frozen, paused = _stretches(rng)
    centre, heading = _path(rng, frozen | paused)
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    breath = 0.3 * np.sin(2 * np.pi * 2.5 * np.arange(_FRAMES) / _RATE_HZ)
    places = [centre + a * ahead + (b + np.sign(b) * breath)[:, None] * left for a, b in _OFFSETS]
    xy = np.stack(places, axis=1)
    xy += _JITTER * rng.normal(size=xy.shape)
    likelihood = 1 - rng.exponential(0.01, size=xy.shape[:2])
    lost = rng.random(xy.shape[:2]) < _LOST
    lost[_HIDDEN] = True
    xy[lost] = rng.uniform(0, _ARENA, (lost.sum(), 2))
    # Lost for good the tracker stays where it is: only the likelihood tells that from freezing.
    xy[_HIDDEN] = xy[_HIDDEN.start] + 0.3 * rng.normal(size=xy[_HIDDEN].shape)
    likelihood[lost] = rng.uniform(0.0, 0.5, lost.sum())
    jumped = rng.random(xy.shape[:2]) < _JUMPED
    xy[jumped] += 50 * rng.normal(size=(jumped.sum(), 2))
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    lines = [
        ",".join(["scorer", *[_SCORER] * 3 * len(_PARTS)]),
        ",".join(["bodyparts", *(part for part in _PARTS for _ in range(3))]),
        ",".join(["coords", *["x", "y", "likelihood"] * len(_PARTS)]),
    ]
    for frame in range(_FRAMES):
        cells = [
            f"{x:.1f},{y:.1f},{p:.2f}"
            for (x, y), p in zip(xy[frame], np.clip(likelihood[frame], 0, 1), strict=True)
        ]
        lines.append(f"{frame},{','.join(cells)}")
    (here / "dataset" / "open-field.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
    edges = np.flatnonzero(np.diff(np.concatenate(([0], frozen.astype(int), [0]))))
    truth = ["first_frame,last_frame"]
    truth += [f"{a},{b - 1}" for a, b in zip(edges[::2], edges[1::2], strict=True)]
    (here / "truth.csv").write_text("\n".join(truth) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
