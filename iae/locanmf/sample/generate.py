"""Make the sample: a simulated widefield recording of a cortex with twelve regions, denoised.

    python generate.py

writes dataset/cortex.npz (what the analysis gets: U, V and an atlas) and truth.npz (the components
it should find). Needs numpy; the same bytes every time on one kind of processor. Components overlap
within their region and spill over its borders, and their time courses are correlated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_129
_HEIGHT, _WIDTH, _FRAMES, _RANK = 44, 52, 500, 24
_RATE_HZ = 20.0
_NOISE = 0.12
_CENTRES = ((8, 10), (14, 19), (22, 9), (25, 19), (34, 13), (36, 21))  # row, column; left side
_TWO = (1, 3, 4, 7, 9, 10, 11)  # regions with two components


def _atlas() -> np.ndarray:
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    centres = [*_CENTRES, *((r, _WIDTH - 1 - c) for r, c in _CENTRES)]
    far = np.stack([np.hypot(rows - r, columns - c) for r, c in centres])
    atlas = far.argmin(axis=0) + 1
    brain = ((rows - 21.5) / 21) ** 2 + ((columns - 25.5) / 25) ** 2 <= 1
    return np.where(brain, atlas, 0)


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    atlas = _atlas()
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    images, owners = [], []
    for label in range(1, int(atlas.max()) + 1):
        at = np.argwhere(atlas == label)
        middle = at.mean(axis=0)
        count = 2 if label - 1 in _TWO else 1
        angle = rng.uniform(0, np.pi)
        for side in (-1, 1)[:count]:
            away = (count - 1) * 3.4 * side * np.array([np.sin(angle), np.cos(angle)])
            row, column = middle + away
            wide = rng.uniform(2.2, 2.8) if count == 2 else rng.uniform(2.8, 3.4)
            blob = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * wide**2))
            images.append(np.where((atlas > 0) & (blob > 0.03), blob, 0.0))
            owners.append(label)
    count = len(images)
    kernel = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
    fresh = rng.normal(size=(count + 1, _FRAMES + 24))
    smooth = np.stack([np.convolve(row, kernel, mode="valid") for row in fresh])
    smooth /= smooth.std(axis=1, keepdims=True)
    courses = 0.9 * smooth[:count] + 0.45 * smooth[count]
    brain = atlas > 0
    clean = np.stack(images)[:, brain].T @ courses
    movie = clean + _NOISE * rng.normal(size=clean.shape)
    left, values, right = np.linalg.svd(movie, full_matrices=False)
    space = np.zeros((_HEIGHT, _WIDTH, _RANK), dtype=np.float32)
    space[brain] = left[:, :_RANK] * values[:_RANK]
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez_compressed(
        here / "dataset" / "cortex.npz",
        U=space,
        V=right[:_RANK].astype(np.float32),
        atlas=atlas.astype(np.int16),
        sampling_rate=np.array(_RATE_HZ),
    )
    np.savez_compressed(
        here / "truth.npz",
        courses=courses.astype(np.float32),
        regions=np.array(owners, dtype=np.int16),
        images=np.round(255 * np.stack(images)).astype(np.uint8),
    )


if __name__ == "__main__":
    main()
