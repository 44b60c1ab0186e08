"""Tell cells from what is none, by the shape of their events in time and in space.

Giovannucci et al. 2019, "Component quality evaluation": the signal-to-noise ratio of the most exceptional
event of a trace, and the correlation of a footprint with the movie while its trace is active. (The
third test of CaImAn, a trained network, needs weights that cannot be had from the package index.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from cnmf.factors import Factors
from cnmf.noise import Array

_EVENTS = 10  # that the average image of a component is taken of
_BEFORE_S, _AFTER_S = 0.2, 1.0
_LOWEST_SNR = 0.5
_LOWEST_CORRELATION = -1.0


class Quality(NamedTuple):
    """Per component (K,): peak signal-to-noise ratio, spatial correlation, whether it counts."""

    snr: Array
    correlation: Array
    accepted: Array


def judge(
    Y: Array, factors: Factors, left: Array, rate: float, decay: float, limits: tuple[float, float]
) -> Quality:
    """Return the quality of all components of a movie (P, T) at `rate` Hz.

    `left` (K, T) is what the traces as recorded have beside their calcium; `decay` is that of
    a transient in seconds. A component counts when it reaches one of the `limits` (of the signal-to-noise
    ratio, of the correlation) and is not hopeless in the other, as in CaImAn.
    """
    window = max(int(np.ceil(rate * decay)), 1)
    snr = np.array([peak_snr(trace, window) for trace in factors.C + left])
    correlation = np.array(
        [_consistency(Y, factors, k, rate) for k in range(len(factors.C))], dtype=float
    )
    good = (snr >= limits[0]) | (correlation >= limits[1])
    hopeless = (snr < _LOWEST_SNR) | (correlation < _LOWEST_CORRELATION)
    return Quality(snr.reshape(-1), correlation, good & ~hopeless)


def peak_snr(trace: Array, window: int) -> float:
    """Return the signal-to-noise ratio of the most exceptional `window` frames of a trace (T,).

    Below its mode a trace is noise alone; the probability of every frame under that noise is
    multiplied over the window, and the least product is turned back into standard deviations of
    one frame (equations 2 to 4 of Giovannucci et al. 2019).
    """
    mode = half_sample_mode(trace)
    below = trace[trace < mode] - mode
    if not len(below):
        return 0.0
    sd = float(np.sqrt(np.mean(below**2)))
    if sd == 0:
        return 0.0
    logs = stats.norm.logsf((trace - mode) / sd)
    sums = np.convolve(logs, np.ones(min(window, len(logs))), mode="valid")
    least = float(sums.min()) / min(window, len(logs))
    return float(stats.norm.isf(np.exp(max(least, -700.0))))


def half_sample_mode(values: Array) -> float:
    """Return the mode by halving the sample again and again to its densest half (Bickel 2002)."""
    part = np.sort(values)
    while len(part) > 3:  # noqa: PLR2004 - two or three values are left
        half = -(-len(part) // 2)
        widths = part[half - 1 :] - part[: len(part) - half + 1]
        start = int(np.argmin(widths))
        part = part[start : start + half]
        if part[0] == part[-1]:
            return float(part[0])
    if len(part) == 3:  # noqa: PLR2004
        part = part[:2] if part[1] - part[0] <= part[2] - part[1] else part[1:]
    return float(part.mean())


def _consistency(Y: Array, factors: Factors, k: int, rate: float) -> float:
    """Return how the footprint of component k correlates with the movie at its largest events."""
    part = slice(factors.A.indptr[k], factors.A.indptr[k + 1])
    pixels = factors.A.indices[part]
    frames = _events(factors.C[k], rate)
    if len(pixels) < 3 or not len(frames):  # noqa: PLR2004 - two points always lie on a line
        return 0.0
    image = Y[np.ix_(pixels, frames)].mean(axis=1, dtype=np.float64)
    image -= factors.b[pixels] @ factors.f[:, frames].mean(axis=1)
    weights = factors.A[pixels]
    others = factors.C[:, frames].mean(axis=1)
    others[k] = 0.0
    image -= weights @ others
    own = factors.A.data[part]
    if own.std() == 0 or image.std() == 0:
        return 0.0
    return float(np.corrcoef(image, own)[0, 1])


def _events(trace: Array, rate: float) -> Array:
    """Return the frames (M,) of the largest peaks of a trace and around them."""
    before, after = int(np.ceil(_BEFORE_S * rate)), int(np.ceil(_AFTER_S * rate))
    rest = trace.copy()
    chosen = np.zeros(len(trace), dtype=bool)
    for _ in range(_EVENTS):
        peak = int(np.argmax(rest))
        if rest[peak] <= 0:
            break
        around = slice(max(peak - before, 0), peak + after + 1)
        chosen[around] = True
        rest[around] = 0.0
    return np.flatnonzero(chosen)
