"""Make the sample: a video of a behaving animal in outline, two of whose four movements are labelled.

    python generate.py

writes dataset/behaviour.npz (what the analysis gets) and truth.npz (the movements that were not
labelled, and the noise). A paw moves in two dimensions, which are the labels; a limb turns and a pupil
widens, which nobody labelled. Needs numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_130
_FRAMES, _SIDE, _BLOCK = 1600, 32, 100
_NOISE = 0.03  # sd of a pixel, as a fraction of white


def _course(rng: np.random.Generator, sd: float) -> np.ndarray:
    """Return smooth noise (T,), standardised and cut at 2.2 standard deviations."""
    kernel = np.exp(-0.5 * (np.arange(-4 * sd, 4 * sd + 1) / sd) ** 2)
    line = np.convolve(rng.normal(size=_FRAMES + len(kernel) - 1), kernel, mode="valid")
    return np.clip((line - line.mean()) / line.std(), -2.2, 2.2)


def main() -> None:
    """Write the two files beside this script."""
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    rng = np.random.default_rng(_SEED)
    x, y, turn, width = (_course(rng, sd)[:, None, None] for sd in (8, 8, 15, 12))
    rows, columns = np.mgrid[:_SIDE, :_SIDE].astype(float)
    paw_x, paw_y = 10 + 3 * x, 21 + 3 * y
    paw = np.exp(-((columns - paw_x) ** 2 + (rows - paw_y) ** 2) / (2 * 1.8**2))
    along = np.cos(0.5 * turn) * (columns - 21) + np.sin(0.5 * turn) * (rows - 10)
    across = -np.sin(0.5 * turn) * (columns - 21) + np.cos(0.5 * turn) * (rows - 10)
    limb = np.exp(-(across**2) / (2 * 1.1**2)) / (1 + np.exp(4 * (np.abs(along) - 6)))
    pupil = 1 / (1 + np.exp(2 * (np.hypot(columns - 24, rows - 24) - 2.2 - 0.6 * width)))
    clean = np.clip(0.15 + 0.7 * paw + 0.8 * limb + 0.6 * pupil, 0, 1)
    noisy = np.clip(clean + _NOISE * rng.normal(size=clean.shape), 0, 1)
    held_out = (np.arange(_FRAMES) // _BLOCK) % 5 == 4  # noqa: PLR2004 - every fifth block
    np.savez_compressed(
        here / "dataset/behaviour.npz",
        frames=np.round(255 * noisy).astype(np.uint8),
        labels=np.round(np.hstack([paw_x[:, 0], paw_y[:, 0]]), 3),
        label_names=np.array(["paw_x_px", "paw_y_px"]),
        held_out=held_out,
    )
    np.savez_compressed(
        here / "truth.npz",
        hidden=np.hstack([turn[:, 0], width[:, 0]]).astype(np.float32),
        clean=np.round(255 * clean[held_out]).astype(np.uint8),
    )


if __name__ == "__main__":
    main()
