"""Make the sample: a video of a mouse from above, a few labelled frames, and where its parts really were.

    python generate.py

writes dataset/mouse.npz (what the analysis gets: video, labels of 10 frames to train with and of 40 to test with)
and truth.npz (positions in all frames). Needs numpy. Dark spots on the floor look like ears, the two ears look
alike, and head and tail are told apart by little: what trackers trip over.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_130
_FRAMES, _SIDE = 300, 64
_LABELLED, _TESTED = 10, 40
_NOISE = 8.0  # grey values
_PARTS = ("nose", "left_ear", "right_ear", "tail_base")
_SKELETON = ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3))
_UNIT = _SIDE / 96  # pixels a millimetre
_ROWS, _COLUMNS = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float64)


def _walk(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return places of the body (frames, 2) in pixels and headings (frames,) in radians."""
    middle = np.full(2, _SIDE / 2)
    place, heading, speed, turn = middle.copy(), rng.uniform(0, 2 * np.pi), 0.0, 0.0
    places, headings = [], []
    for _ in range(_FRAMES):
        turn = 0.85 * turn + 0.03 * rng.normal()
        speed = float(np.clip(0.9 * speed + 0.35 * rng.normal() + 0.15, 0, 2.5))
        home = middle - place
        if np.hypot(*home) > 0.28 * _SIDE:  # near the wall it turns
            turn += 0.04 * np.sign(np.sin(np.arctan2(home[1], home[0]) - heading))
        heading += turn
        step = speed * _UNIT * np.array([np.cos(heading), np.sin(heading)])
        place = np.clip(place + step, 0.2 * _SIDE, 0.8 * _SIDE)
        places.append(place.copy())
        headings.append(heading)
    return np.array(places), np.array(headings)


def _ellipse(centre: np.ndarray, radii: tuple[float, float], angle: float) -> np.ndarray:
    """Return how much of each pixel an ellipse covers, its edge a pixel wide."""
    x, y = _COLUMNS - centre[0], _ROWS - centre[1]
    along = (x * np.cos(angle) + y * np.sin(angle)) / radii[0]
    across = (-x * np.sin(angle) + y * np.cos(angle)) / radii[1]
    return np.clip((1 - np.hypot(along, across)) * min(radii) + 0.5, 0, 1)


def _floor(rng: np.random.Generator) -> np.ndarray:
    """Return a floor of uneven grey with dark spots."""
    waves = np.fft.fftfreq(_SIDE)
    smooth = np.exp(-2 * (np.pi * 3) ** 2 * (waves[:, None] ** 2 + waves[None] ** 2))
    uneven = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_SIDE, _SIDE))) * smooth).real
    floor = 150 + 25 * uneven / uneven.std()
    for _ in range(8):
        radius = rng.uniform(1.5, 2.5) * _UNIT
        spot = _ellipse(rng.uniform(0.1, 0.9, 2) * _SIDE, (radius, radius), 0.0)
        floor = floor + (70 - floor) * spot
    return floor


def _frame(floor: np.ndarray, place: np.ndarray, heading: float, swing: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture without noise, and the parts (4, 2) as x and y in pixels."""
    ahead = np.array([np.cos(heading), np.sin(heading)])
    aside = np.array([-ahead[1], ahead[0]])
    head, nose = place + 11 * _UNIT * ahead, place + 17 * _UNIT * ahead
    ears = [head - _UNIT * ahead + side * 4.5 * _UNIT * aside for side in (-1, 1)]
    tail = place - 11 * _UNIT * ahead
    tip = tail - 9 * _UNIT * ahead + 3 * _UNIT * swing * aside
    lean = float(np.arctan2(*(tail - tip)[::-1]))
    shapes = [
        ((tail + tip) / 2, (5 * _UNIT, 0.9 * _UNIT), lean, 60),
        (place, (11 * _UNIT, 6.5 * _UNIT), heading, 55),
        (head, (6.5 * _UNIT, 4.5 * _UNIT), heading, 65),
        *((ear, (2.6 * _UNIT, 2.6 * _UNIT), 0.0, 110) for ear in ears),
        (nose, (1.6 * _UNIT, 1.6 * _UNIT), 0.0, 190),
    ]
    picture = floor
    for centre, radii, angle, grey in shapes:
        picture = picture + (grey - picture) * _ellipse(centre, radii, angle)
    return picture, np.array([nose, *ears, tail])


def main() -> None:
    """Write the two files beside this script."""
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    rng = np.random.default_rng(_SEED)
    floor = _floor(rng)
    places, headings = _walk(rng)
    made = [
        _frame(floor, place, heading, np.sin(0.2 * time))
        for time, (place, heading) in enumerate(zip(places, headings, strict=True))
    ]
    clean, truth = (np.stack(part) for part in zip(*made, strict=True))
    frames = np.clip(clean + _NOISE * rng.normal(size=clean.shape), 0, 255).round().astype(np.uint8)
    chosen = rng.choice(_FRAMES, _LABELLED + _TESTED, replace=False)
    order = np.argsort(chosen)
    np.savez_compressed(
        here / "dataset/mouse.npz",
        frames=frames,
        labels=truth[chosen[order]].astype(np.float32),
        label_frames=chosen[order].astype(np.int32),
        held_out=order >= _LABELLED,
        bodyparts=np.array(_PARTS),
        skeleton=np.array(_SKELETON, np.int32),
        frame_rate_hz=np.array(30.0),
    )
    np.savez_compressed(here / "truth.npz", positions=truth.astype(np.float32))


if __name__ == "__main__":
    main()
