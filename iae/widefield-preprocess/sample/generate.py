"""Make the sample: a simulated widefield recording at two wavelengths, with all that goes wrong.

    python generate.py

writes dataset/cortex.npz (what the analysis gets: photon counts) and truth.npz (the shifts and the
calcium that it should find). Needs numpy and scipy; the same bytes every time on one kind of
processor. The head moves, blood absorbs light (slow waves, the heart beat, and a delayed response to activity),
and at 470 nm calcium in eight regions adds to it. Each wavelength is exposed with its own shift.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage, signal

_SEED = 20_261_130
_HEIGHT, _WIDTH, _FRAMES = 38, 46, 360
_RATE_HZ = 20.0
_MARGIN = 6  # pixels that may move into view
_PHOTONS = (5000.0, 4000.0)  # per pixel and frame at 470 and 405 nm
_WAVELENGTHS_NM = (470.0, 405.0)
_CALCIUM = 0.035  # standard deviation at a peak, of the mean fluorescence
_BLOOD = 0.02
_MOTION_PX = 0.9  # standard deviation
_CENTRES = ((9, 12), (20, 8), (17, 18), (28, 14))  # row, column; left side
_TWO = (2, 3, 6)  # regions with two components


def _atlas() -> np.ndarray:
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    centres = [*_CENTRES, *((r, _WIDTH - 1 - c) for r, c in _CENTRES)]
    far = np.stack([np.hypot(rows - r, columns - c) for r, c in centres])
    brain = ((rows - 18.5) / 17.5) ** 2 + ((columns - 22.5) / 21.5) ** 2 <= 1
    return np.where(brain, far.argmin(axis=0) + 1, 0)


def _band(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Noise between two frequencies (Hz), of variance 1."""
    sos = signal.butter(2, (low, high), "bandpass", fs=_RATE_HZ, output="sos")
    course = signal.sosfiltfilt(sos, rng.normal(size=_FRAMES + 800))[400:-400]
    return (course - course.mean()) / course.std()


def _components(rng: np.random.Generator, atlas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[: _HEIGHT + 2 * _MARGIN, : _WIDTH + 2 * _MARGIN]
    images, owners = [], []
    for label in range(1, int(atlas.max()) + 1):
        middle = np.argwhere(atlas == label).mean(axis=0) + _MARGIN
        count = 2 if label in _TWO else 1
        angle = rng.uniform(0, np.pi)
        for side in (-1, 1)[:count]:
            away = (count - 1) * 3.2 * side * np.array([np.sin(angle), np.cos(angle)])
            row, column = middle + away
            wide = rng.uniform(2.2, 2.6) if count == 2 else rng.uniform(2.8, 3.4)
            images.append(np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * wide**2)))
            owners.append(label)
    return np.stack(images), np.array(owners)


def _vessels(rng: np.random.Generator) -> np.ndarray:
    """Return how much of a pixel is vessel, from 0 to 1."""
    shape = (_HEIGHT + 2 * _MARGIN, _WIDTH + 2 * _MARGIN)
    drawn = np.zeros(shape)
    for _ in range(14):
        place = np.array([rng.uniform(0, shape[0]), rng.uniform(0, shape[1])])
        angle = rng.uniform(0, 2 * np.pi)
        for _ in range(60):
            angle += 0.15 * rng.normal()
            place = place + np.array([np.sin(angle), np.cos(angle)])
            if (place < 0).any() or (place >= shape).any():
                break
            drawn[tuple(place.astype(int))] = 1.0
    soft = ndimage.gaussian_filter(drawn, 1.1)
    return soft / soft.max()


def _blood(rng: np.random.Generator, vessels: np.ndarray, activity: np.ndarray) -> np.ndarray:
    """Return the absorption by blood (T, H, W), of a standard deviation near 1."""
    rows, columns = np.mgrid[: vessels.shape[0], : vessels.shape[1]]
    waves = np.zeros((_FRAMES, *vessels.shape))
    for _ in range(3):
        row, column = rng.uniform(0, vessels.shape[0]), rng.uniform(0, vessels.shape[1])
        patch = 0.6 + 0.5 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 15.0**2))
        waves += np.multiply.outer(_band(rng, 0.15, 0.6), patch) / 1.6
    beat = np.multiply.outer(_band(rng, 6.0, 7.0), 0.4 * (0.3 + vessels))
    # Vessels widen some two seconds after activity.
    time = np.arange(0, 6, 1 / _RATE_HZ)
    kernel = time**3 * np.exp(-time / 0.5)
    delayed = signal.lfilter(kernel / kernel.sum(), 1.0, activity, axis=0)
    return (0.7 + 0.6 * vessels) * (waves + 0.5 * delayed) + beat


def _moved(scene: np.ndarray, shift: np.ndarray) -> np.ndarray:
    moved = ndimage.shift(scene, shift, order=5, mode="nearest")
    return moved[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def main() -> None:
    """Write the two files beside this script."""
    rng = np.random.default_rng(_SEED)
    atlas = _atlas()
    images, owners = _components(rng, atlas)
    shared = _band(rng, 0.5, 2.5)
    courses = np.stack([0.9 * _band(rng, 0.5, 2.5) + 0.4 * shared for _ in images])
    activity = np.einsum("kt,khw->thw", courses, images)
    vessels = _vessels(rng)
    blood = _BLOOD * _blood(rng, vessels, activity)
    rows, columns = np.mgrid[: vessels.shape[0], : vessels.shape[1]]
    light = np.exp(-(((rows - 26) / 40) ** 2) - ((columns - 30) / 45) ** 2) * (1 - 0.5 * vessels)
    # How much more blood absorbs at 405 nm than at 470 nm differs from place to place.
    ratio = 1.1 + 0.25 * np.sin(rows / 9.0) * np.cos(columns / 11.0)
    films = (
        _PHOTONS[0] * light * (1 + _CALCIUM * activity) * (1 - blood),
        _PHOTONS[1] * light * (1 - blood * ratio),
    )
    slow = np.stack([_band(rng, 0.05, 1.0) for _ in range(2)], axis=1)
    jitter = 0.2 * rng.normal(size=(_FRAMES, 2, 2))
    shifts = np.clip(_MOTION_PX * slow[:, None, :] + jitter, -_MARGIN + 2, _MARGIN - 2)
    movie = np.empty((_FRAMES, 2, _HEIGHT, _WIDTH), dtype=np.uint16)
    for frame in range(_FRAMES):
        for channel in range(2):
            seen = _moved(films[channel][frame], shifts[frame, channel])
            movie[frame, channel] = rng.poisson(np.maximum(seen, 0))
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez_compressed(
        here / "dataset" / "cortex.npz",
        movie=movie,
        wavelengths=np.array(_WAVELENGTHS_NM),
        frame_rate=np.array(_RATE_HZ),
        atlas=atlas.astype(np.int16),
        units=np.array("photons"),
    )
    inner = images[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    np.savez_compressed(
        here / "truth.npz",
        shifts=shifts.astype(np.float32),
        images=(_CALCIUM * inner).astype(np.float32),
        courses=courses.astype(np.float32),
        regions=owners.astype(np.int16),
    )


if __name__ == "__main__":
    main()
