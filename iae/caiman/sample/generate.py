"""Make the sample: two-photon imaging of overlapping cells that move, with known truth.

    python generate.py

writes dataset/cells.npz (what the analysis gets: photon counts) and truth.npz (footprints, calcium,
spikes and motion that it should find). Needs numpy and scipy; the same bytes every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

_SEED = 20_261_130
_FRAMES, _SIDE, _BORDER = 900, 52, 6  # pixels; the border lets the scene move
_RATE_HZ, _DECAY_S = 15.0, 0.6
_CELLS, _APART = 22, 5.0
_SPIKES_HZ = 0.4
_PHOTONS = 40.0  # of the dark background, per pixel and frame
_LARGEST_SHIFT = 2.0


def _places(rng: np.random.Generator) -> np.ndarray:
    chosen: list[np.ndarray] = []
    while len(chosen) < _CELLS:
        new = rng.uniform(4, _SIDE - 5, 2)
        if all(np.linalg.norm(new - old) > _APART for old in chosen):
            chosen.append(new)
    return np.array(chosen)


def _footprint(rng: np.random.Generator, place: np.ndarray) -> np.ndarray:
    """A soft ellipse on the canvas with its border."""
    side = _SIDE + 2 * _BORDER
    rows, columns = np.mgrid[:side, :side] - _BORDER
    angle, radius, stretch = rng.uniform(0, np.pi), rng.uniform(2.5, 3.5), rng.uniform(0.8, 1.25)
    along = (rows - place[0]) * np.cos(angle) + (columns - place[1]) * np.sin(angle)
    across = (columns - place[1]) * np.cos(angle) - (rows - place[0]) * np.sin(angle)
    image = 1 / (1 + np.exp(2.5 * (np.hypot(along / stretch, across * stretch) - radius)))
    return np.where(image < 0.02, 0, image)


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    images = np.array([_footprint(rng, place) for place in _places(rng)])
    spikes = (rng.random((_CELLS, _FRAMES)) < _SPIKES_HZ / _RATE_HZ) * rng.gamma(
        4, 0.25, (_CELLS, _FRAMES)
    )
    decay = np.exp(-1 / (_DECAY_S * _RATE_HZ))
    calcium = np.zeros((_CELLS, _FRAMES))
    for t in range(_FRAMES):
        calcium[:, t] = spikes[:, t] + (decay * calcium[:, t - 1] if t else 0)
    bright = 18.0 * rng.uniform(0.7, 1.3, _CELLS)
    # Neuropil: two wide images that change slowly.
    wide = gaussian_filter(rng.random((2, *images.shape[1:])), (0, 12, 12))
    wide = (wide - wide.min(axis=(1, 2), keepdims=True)) / np.ptp(wide, axis=(1, 2), keepdims=True)
    slow = gaussian_filter1d(rng.normal(size=(2, _FRAMES)), 20, axis=1)
    slow = 1 + 0.12 * slow / slow.std(axis=1, keepdims=True)
    scene = np.einsum("kij,kt->tij", images * bright[:, None, None], calcium + 0.6)
    scene += _PHOTONS * (0.5 + np.einsum("nij,nt->tij", wide, slow))
    walk = gaussian_filter1d(np.cumsum(rng.normal(size=(_FRAMES, 2)) * 0.2, axis=0), 2, axis=0)
    walk -= walk.mean(axis=0)
    walk *= _LARGEST_SHIFT / np.abs(walk).max()
    side = _SIDE + 2 * _BORDER
    turns = [np.exp(-2j * np.pi * np.outer(walk[:, axis], np.fft.fftfreq(side))) for axis in (0, 1)]
    spectrum = np.fft.fft2(scene) * turns[0][:, :, None] * turns[1][:, None, :]
    seen = np.fft.ifft2(spectrum).real[:, _BORDER:-_BORDER, _BORDER:-_BORDER]
    counts = rng.poisson(np.maximum(seen, 0)).astype(np.uint8)
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez_compressed(
        here / "dataset" / "cells.npz",
        movie=counts,
        frame_rate=np.array(_RATE_HZ),
        units=np.array("photons"),
    )
    own = images[:, _BORDER:-_BORDER, _BORDER:-_BORDER]
    np.savez_compressed(
        here / "truth.npz",
        footprints=own.astype(np.float32),
        calcium=calcium.astype(np.float32),
        spikes=spikes.astype(np.float32),
        shifts=walk.astype(np.float32),
    )


if __name__ == "__main__":
    main()
