"""Make the sample: a small movie of active cells behind photon noise, with known truth.

    python generate.py

writes dataset/cells.npz (what the analysis gets: photon counts) and truth.npz (what it should
find: the expected counts, as footprints times time courses). Needs numpy; the same bytes every
time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_SEED = 20_261_129
_FRAMES, _HEIGHT, _WIDTH = 480, 40, 40
_RATE_HZ = 10.0
_CELLS = 18
_BASELINE = 50.0  # photons per pixel and frame
_RISE_S, _DECAY_S = 0.3, 1.6  # of a calcium transient


def _blob(row: float, column: float, radius: np.ndarray, angle: float) -> np.ndarray:
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    along = (rows - row) * np.cos(angle) + (columns - column) * np.sin(angle)
    across = (columns - column) * np.cos(angle) - (rows - row) * np.sin(angle)
    return np.exp(-((along / radius[0]) ** 2) - (across / radius[1]) ** 2)


def _transients(rng: np.random.Generator) -> np.ndarray:
    time = np.arange(0, 8 * _DECAY_S, 1 / _RATE_HZ)
    kernel = np.exp(-time / _DECAY_S) - np.exp(-time / _RISE_S)
    spikes = rng.poisson(0.02, _FRAMES) * rng.uniform(0.6, 1.4, _FRAMES)
    return np.convolve(spikes, kernel / kernel.max())[:_FRAMES]


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    footprints, courses = [], []
    for _ in range(_CELLS):
        place = rng.uniform(2, _HEIGHT - 3), rng.uniform(2, _WIDTH - 3)
        footprints.append(_blob(*place, rng.uniform(2.0, 4.5, 2), rng.uniform(0, np.pi)))
        courses.append(rng.uniform(14, 26) * _transients(rng))
    # Neuropil: two wide patches that change slowly.
    time = np.arange(_FRAMES) / _RATE_HZ
    for place, frequency in (((10, 28), 0.11), ((30, 10), 0.17)):
        footprints.append(_blob(*place, np.array([12.0, 12.0]), 0.0))
        courses.append(5 * (1 + np.sin(2 * np.pi * (frequency * time + rng.uniform()))))
    # Vessels are dark, and illumination falls off.
    baseline = _BASELINE * (0.6 + 0.4 * _blob(20, 20, np.array([30.0, 30.0]), 0.0))
    baseline *= 1 - 0.5 * _blob(20, 12, np.array([60.0, 1.5]), 0.5)
    footprints = np.array(footprints, dtype=np.float32)
    courses = np.array(courses, dtype=np.float32)
    baseline = baseline.astype(np.float32)
    expected = baseline + np.einsum("kt,kij->tij", courses.astype(float), footprints.astype(float))
    counts = rng.poisson(expected).astype(np.uint8)
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez_compressed(
        here / "dataset" / "cells.npz",
        movie=counts,
        frame_rate=np.array(_RATE_HZ),
        units=np.array("photons"),
    )
    np.savez_compressed(
        here / "truth.npz", baseline=baseline, footprints=footprints, courses=courses
    )


if __name__ == "__main__":
    main()
