"""Make the sample: scoremaps as three trackers would leave them of parts whose places are known.

    python generate.py

writes dataset/dots.npz (a video), replicas/<k>/scoremaps.npz and truth.npz. Needs numpy. Every tracker is off by an error of its
own that comes and goes; now and then one of them is sure of a wrong place; the scoremaps of one are so steep that their
sigmoids are 0 or 1 in any floating point.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_130
_REPLICAS, _FRAMES, _SIDE, _STRIDE = 3, 150, 32, 2
_PARTS = ("left_paw", "right_paw", "snout")
_JITTER_PX, _LAPSES = 0.5, 0.03
_PEAK, _FLOOR, _WIDTH_PX, _NOISE = 9.0, -6.0, 3.0, 0.4
_STEEP = 4000.0  # of the last tracker: no sigmoid in double precision survives it


def _paths(rng: np.random.Generator) -> np.ndarray:
    """Return places (frames, parts, 2) in pixels that move as waves do."""
    time = np.arange(_FRAMES)[:, None, None] / 30
    speed, phase = (rng.uniform(low, high, (len(_PARTS), 2)) for low, high in ((0.2, 0.7), (0, 6)))
    return _SIDE / 2 + 0.3 * _SIDE * np.sin(2 * np.pi * speed * time + phase)


def _maps(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return scoremaps (frames, parts, rows, columns) with a hill at each place."""
    cells = np.arange(_SIDE // _STRIDE) * _STRIDE + (_STRIDE - 1) / 2
    squares = (cells[:, None] - places[..., 1, None, None]) ** 2 + (cells - places[..., 0, None, None]) ** 2
    hills = _FLOOR + _PEAK * np.exp(-squares / (2 * _WIDTH_PX**2))
    return hills + _NOISE * rng.normal(size=hills.shape)


def main() -> None:
    """Write the files beside this script."""
    here = Path(__file__).resolve().parent
    rng = np.random.default_rng(_SEED)
    truth = _paths(rng)
    rows, columns = np.mgrid[0:_SIDE, 0:_SIDE]
    distance = np.hypot(rows - truth[..., 1, None, None], columns - truth[..., 0, None, None])
    light = 40 + 170 * np.clip(2.5 - distance, 0, 1).max(axis=1) + 6 * rng.normal(size=(_FRAMES, _SIDE, _SIDE))
    (here / "dataset").mkdir(exist_ok=True)
    np.savez_compressed(here / "dataset/dots.npz", frames=np.clip(light, 0, 255).round().astype(np.uint8))
    chosen = np.sort(rng.choice(_FRAMES, 30, replace=False))
    held_out = np.arange(len(chosen)) % 3 > 0
    hard = 1 + 3 * np.sin(np.arange(_FRAMES) / 9)[:, None] ** 8  # stretches that all find difficult
    for replica in range(_REPLICAS):
        error = _JITTER_PX * (hard[..., None] * rng.normal(size=truth.shape))
        lapse = rng.random(truth.shape[:2]) < _LAPSES * hard
        elsewhere = rng.uniform(3, _SIDE - 4, truth.shape)
        maps = _maps(np.where(lapse[..., None], elsewhere, truth + error), rng)
        if replica == _REPLICAS - 1:
            maps = maps * _STEEP
        folder = here / "replicas" / str(replica)
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / "scoremaps.npz",
            scoremaps=maps.astype(np.float16),
            stride_px=np.array(_STRIDE),
            sharpness=np.array(3.0),
            bodyparts=np.array(_PARTS),
            labels=truth[chosen].astype(np.float32),
            label_frames=chosen,
            held_out=held_out,
        )
    np.savez_compressed(here / "truth.npz", positions=truth.astype(np.float32))


if __name__ == "__main__":
    main()
