"""First guesses: the places that change most like a cell, one after the other.

Pnevmatikakis et al. 2016, "Initialization strategies" (greedy approach): blur the movie with a kernel of
the size of a cell, take the pixel that then changes most, explain the movie around it by one footprint and
one trace, subtract, and go on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter

from cnmf.noise import Array

_ROUNDS = 5
_REACH = 2  # half the side of a patch, in radii of a cell
_WIDE = 2.0  # what is wider, in radii, is neuropil
_TRUNCATE = 3.0  # the blur ends there, in radii


def cells(
    movie: Array, count: int, radius: float, progress: Callable[[float], None]
) -> tuple[sparse.csc_array, Array]:
    """Return footprints (H W, K) and traces (K, T) of up to `count` cells of a movie (H, W, T).

    `radius` is the standard deviation of a cell-sized Gaussian, in pixels. `movie` is left as it is.
    """
    height, width, frames = movie.shape
    left = movie - np.median(movie, axis=2, keepdims=True)
    blurred = np.empty_like(left)
    # Frame by frame: copies of the whole do not fit.
    for t in range(frames):
        left[:, :, t] -= gaussian_filter(left[:, :, t], _WIDE * radius)
        blurred[:, :, t] = _blur(left[:, :, t], radius)
    change = np.einsum("hwt,hwt->hw", blurred, blurred, dtype=np.float64)
    half = int(np.ceil(_REACH * radius))
    spread = int(_TRUNCATE * radius + 0.5)
    footprints: list[tuple[Array, Array]] = []
    traces = np.zeros((count, frames))
    for number in range(count):
        row, column = np.unravel_index(int(np.argmax(change)), change.shape)
        place = _window((row, column), half, (height, width))
        patch = left[place]
        image, trace = _explain(patch, blurred[row, column].astype(np.float64))
        if not image.any():
            break
        pixels = np.arange(height * width).reshape(height, width)[place]
        footprints.append((pixels[image > 0], image[image > 0]))
        traces[number] = trace
        patch -= (image[:, :, None] * trace).astype(left.dtype)
        around = _window((row, column), half + spread, (height, width))
        canvas = np.zeros((height, width))
        canvas[place] = image
        blurred[around] -= (_blur(canvas, radius)[around][:, :, None] * trace).astype(left.dtype)
        change[around] = np.einsum(
            "hwt,hwt->hw", blurred[around], blurred[around], dtype=np.float64
        )
        progress((number + 1) / count)
    found = len(footprints)
    rows = np.concatenate([pixels for pixels, _ in footprints] or [np.zeros(0, dtype=int)])
    values = np.concatenate([image for _, image in footprints] or [np.zeros(0)])
    starts = np.cumsum([0, *(len(pixels) for pixels, _ in footprints)])
    A = sparse.csc_array((values, rows, starts), shape=(height * width, found))
    return A, traces[:found]


def _blur(image: Array, radius: float) -> Array:
    blurred: Array = gaussian_filter(image, radius, mode="constant", truncate=_TRUNCATE)
    return blurred


def _window(place: tuple[int, int], half: int, shape: tuple[int, int]) -> tuple[slice, slice]:
    low = [max(at - half, 0) for at in place]
    high = [min(at + half + 1, size) for at, size in zip(place, shape, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1])


def _explain(patch: Array, trace: Array) -> tuple[Array, Array]:
    """Return the non-negative image (h, w) of length 1 and the trace (T,) that explain a patch best."""
    image = np.zeros(patch.shape[:2])
    for _ in range(_ROUNDS):
        image = np.maximum(patch @ trace, 0)
        length = float(np.linalg.norm(image))
        if length == 0:
            return image, trace
        image = image / length
        trace = np.einsum("hw,hwt->t", image, patch, dtype=np.float64)
    return image, trace
