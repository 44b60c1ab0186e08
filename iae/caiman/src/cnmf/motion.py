"""Rigid motion: shift every frame onto a reference, to a fraction of a pixel.

Shifts are the peaks of the cross-correlation, found to a whole pixel by the fast Fourier transform
and refined by evaluating the transform on a fine grid around the peak (Guizar-Sicairos, Thurman and
Fienup 2008), then by the parabola through the highest points. Frames are moved by cubic splines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from cnmf.noise import Array

Shifts = NDArray[np.float64]

_BLUR_PX = 3.0
"""What is wider is light and activity, not anatomy."""

_FINE = 20  # points per pixel
_REACH = 1.5  # pixels around the coarse peak
_REFERENCE = 60  # frames


def register(
    movie: Array, max_shift: int, passes: int, progress: Callable[[float], None]
) -> tuple[Array, Shifts]:
    """Return the registered movie (T, H, W) in single precision, and how far each frame had moved.

    Shifts (T, 2) are rows down and columns to the right, at most `max_shift` pixels each, and relative
    to their mean. The first pass looks for the mean of the first frames. Each later one registers
    first and looks for what is left against the mean of all: the window that fades the edges stays
    where it is and pulls shifts towards 0, the less the smaller they are.
    """
    count = len(movie)
    shifts = np.zeros((count, 2))
    registered = np.empty(movie.shape, dtype=np.float32)
    reference = movie[:_REFERENCE].mean(axis=0, dtype=np.float64)
    for turn in range(passes):
        matcher = _Matcher(reference, max_shift)
        for index in range(count):
            seen = registered[index] if turn else movie[index]
            shifts[index] += matcher.shift(seen.astype(np.float64))
        shifts = np.clip(shifts, -max_shift, max_shift)
        shifts -= shifts.mean(axis=0)
        for index in range(count):
            registered[index] = _back(movie[index], shifts[index])
        reference = registered.mean(axis=0, dtype=np.float64)
        progress((turn + 1) / passes)
    return registered, shifts


def _back(frame: Array, shift: Shifts) -> Array:
    back: Array = ndimage.shift(frame.astype(np.float64), -shift, order=3, mode="nearest")
    return back


class _Matcher:
    """Finds how far a frame has moved from a reference (H, W)."""

    def __init__(self, reference: Array, max_shift: int) -> None:
        height, width = reference.shape
        self._window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
        self._spectrum = fft.fft2(self._sharp(reference)).conj()
        self._limits = (min(max_shift, height // 2 - 1), min(max_shift, width // 2 - 1))
        self._frequencies = tuple(fft.fftfreq(size) for size in reference.shape)

    def _sharp(self, frame: Array) -> Array:
        sharp: Array = (frame - ndimage.gaussian_filter(frame, _BLUR_PX)) * self._window
        return sharp

    def shift(self, frame: Array) -> Shifts:
        product = fft.fft2(self._sharp(frame)) * self._spectrum
        correlation = fft.ifft2(product).real
        rows, columns = (np.arange(-limit, limit + 1) for limit in self._limits)
        near = correlation[np.ix_(rows, columns)]
        row, column = np.unravel_index(int(np.argmax(near)), near.shape)
        coarse = (float(rows[row]), float(columns[column]))
        grids = [
            np.unique(
                np.clip(at + np.arange(-_REACH, _REACH + 0.5 / _FINE, 1 / _FINE), -most, most)
            )
            for at, most in zip(coarse, self._limits, strict=True)
        ]
        turns = [
            np.exp(2j * np.pi * np.outer(grid, frequency))
            for grid, frequency in zip(grids, self._frequencies, strict=True)
        ]
        fine = (turns[0] @ product @ turns[1].T).real
        row, column = np.unravel_index(int(np.argmax(fine)), fine.shape)
        found: Shifts = np.array(
            [
                _vertex(grids[0], fine[:, column], int(row)),
                _vertex(grids[1], fine[row], int(column)),
            ]
        )
        return found


def _vertex(grid: Array, values: Array, peak: int) -> float:
    """Return where the parabola through the highest value and its neighbours has its top."""
    if not 0 < peak < len(values) - 1:
        return float(grid[peak])
    left, middle, right = values[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    offset = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(grid[peak] + offset * (grid[peak + 1] - grid[peak]))
