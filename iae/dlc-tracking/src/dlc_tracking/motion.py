"""From positions to the speed of the body in body lengths per second; I/O is not handled here.

Every step treats x and y as one vector, so turning, moving, mirroring or zooming the camera changes
no speed, and every window is given in seconds.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from dlc_tracking.tracks import Array

Flags = NDArray[np.bool_]

_REACH = 2
"""Frames to either side that judge a frame: five in all, as DeepLabCut's own median filter."""
_OUTLIER = 3 * 1.4826
"""Three standard deviations of a Gaussian, as multiples of its median absolute deviation."""
_LEAST = 3
_ROUNDING = 1e-9
_SHARE = 0.5
"""Share of a window's frames, and of the body parts, that must be known for a speed to be known."""


def median(values: Array) -> Array:
    """Return the median along the last axis of what is known; NaN where nothing is."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, count // 2, axis=-1)
    middle: Array = np.where(count > 0, (low + high) / 2, np.nan)[..., 0]
    return middle


def confident(xy: Array, likelihood: Array, threshold: float) -> Array:
    """Return `xy` (T, K, 2) with NaN wherever the tracker is not sure enough of the position."""
    known = ~np.isnan(xy).any(axis=2) & (likelihood >= threshold)
    return np.where(known[:, :, None], xy, np.nan)


def without_jumps(xy: Array) -> Array:
    """Return `xy` (T, K, 2) with NaN where a single frame leaps away from the frames around it.

    This is Hampel's identifier with the medoid of five frames (the one nearest to all others) in
    the place of their median: medians of x and of y would depend on how the camera is turned.
    """
    leaps = np.stack([_leaps(xy[:, part]) for part in range(xy.shape[1])], axis=1)
    return np.where(leaps[:, :, None], np.nan, xy)


def _leaps(track: Array) -> Flags:
    frames, size = len(track), 2 * _REACH + 1
    padded = np.full((frames + 2 * _REACH, 2), np.nan)
    padded[_REACH:-_REACH] = track
    window = [padded[shift : shift + frames] for shift in range(size)]
    distance = np.empty((size, size, frames))
    for one, other in itertools.combinations_with_replacement(range(size), 2):
        gap = np.sqrt(np.sum((window[one] - window[other]) ** 2, axis=1))
        distance[one, other] = distance[other, one] = gap
    absent = np.stack([np.isnan(positions[:, 0]) for positions in window])
    total = np.where(absent, np.inf, np.nansum(distance, axis=1))
    around = np.take_along_axis(distance, np.argmin(total, axis=0)[None, None], axis=0)[0]
    # Without three frames there is no majority to leap away from.
    judged = (~absent).sum(axis=0) >= _LEAST
    # Of an animal that does not move at all the deviations are rounding errors, and no scale.
    known = track[~np.isnan(track)]
    rounding = _ROUNDING * float(np.abs(known).max()) if known.size else 0.0
    leaps: Flags = judged & (around[_REACH] > np.maximum(_OUTLIER * median(around.T), rounding))
    return leaps


def body_length(xy: Array, axis: tuple[int, int] | None) -> tuple[float, tuple[int, int]]:
    """Return the median distance of two parts, and which: `axis`, or the two that are farthest apart.

    The length is NaN when no frame shows both. There must be two parts.
    """
    pairs = [axis] if axis else list(itertools.combinations(range(xy.shape[1]), 2))
    lengths = [
        float(median(np.sqrt(np.sum((xy[:, one] - xy[:, other]) ** 2, axis=1))))
        for one, other in pairs
    ]
    if np.isnan(lengths).all():
        return float("nan"), pairs[0]
    best = int(np.nanargmax(lengths))
    return lengths[best], pairs[best]


def window_frames(seconds: float, rate: float) -> int:
    """Return the odd number of frames, three or more, that is nearest to a window of `seconds`."""
    return max(_LEAST, 2 * int(seconds * rate / 2 + _ROUNDING) + 1)


def part_speed(xy: Array, rate: float, window: int) -> Array:
    """Return speeds (T, K) in the units of `xy` per second, NaN where too little is known.

    The velocity is the slope of the least-squares line through the known positions of `window`
    frames around each frame (a Savitzky-Golay derivative that needs no interpolation).
    """
    frames, count = xy.shape[:2]
    half = window // 2
    lag = np.arange(-half, half + 1, dtype=float)
    known: Flags = ~np.isnan(xy[:, :, 0])
    # A slope does not depend on the origin, but rounding does.
    origin = np.where(known.any(axis=0)[:, None], median(np.moveaxis(xy, 0, -1)), 0.0)
    filled = np.where(known[:, :, None], xy - origin, 0.0)
    # Frames beyond the ends are unknown, not a part of the window.
    possible = _sums(np.ones(frames), np.ones(window))
    speed = np.full((frames, count), np.nan)
    for part in range(count):
        weight = known[:, part].astype(float)
        n, t, tt = (_sums(weight, kernel) for kernel in (np.ones(window), lag, lag**2))
        squares = np.zeros(frames)
        spread = n * tt - t**2
        sound = (n >= np.maximum(_LEAST, _SHARE * possible)) & (spread > 0)
        for coordinate in range(2):
            x, tx = (
                _sums(filled[:, part, coordinate], kernel) for kernel in (np.ones(window), lag)
            )
            slope = np.divide(n * tx - t * x, spread, out=np.zeros(frames), where=sound)
            squares += (slope * rate) ** 2
        speed[sound, part] = np.sqrt(squares[sound])
    return speed


def pooled(speed: Array, pooling: str) -> Array:
    """Return one speed (T,) of the body from those of its parts (T, K).

    It is NaN where fewer than half of the parts are known. `fastest` lets any part that moves, a
    scanning head for example, count as movement; `median` bears parts that are tracked badly.
    """
    known = ~np.isnan(speed)
    value = median(speed) if pooling == "median" else _fastest(speed)
    enough: Flags = known.sum(axis=1) >= max(1.0, _SHARE * speed.shape[1])
    return np.where(enough, value, np.nan)


def _sums(values: Array, kernel: Array) -> Array:
    """Return sum over lags of kernel[lag] * values[t + lag], nothing beyond the ends."""
    half = len(kernel) // 2
    return np.convolve(values, kernel[::-1], mode="full")[half : half + len(values)]


def _fastest(speed: Array) -> Array:
    peak: Array = np.max(np.where(np.isnan(speed), -np.inf, speed), axis=1)
    return np.where(np.isinf(peak), np.nan, peak)
