"""Deconvolve calcium traces: the sparsest spikes that explain a trace as well as its noise allows.

A trace is y = b + c + noise with c[t] = g c[t-1] + s[t], s >= 0 (an autoregressive process of order 1).
Friedrich, Zhou and Paninski 2017 ("Fast online deconvolution of calcium imaging data") solve it by
merging neighbouring stretches of decay ("pools") that violate s >= 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnmf.noise import Array

_LAGS = 5
_SLOWEST = 0.9999
_HALVINGS = 18
_ROUNDING = 1e-9


class Trace(NamedTuple):
    """Calcium c (T,) and spikes s (T,) of a trace, its baseline, and the decay g of one frame."""

    calcium: Array
    spikes: Array
    baseline: float
    decay: float


def nonnegative_decay(y: Array, g: float) -> Array:
    """Return c (T,) next to `y` in least squares with c[0] >= 0 and c[t] >= g c[t-1].

    Algorithm 1 of Friedrich et al. 2017: each pool (value v, weight w, start, length) stands for
    v, g v, g^2 v, ...; a pool that starts below what the one before has decayed to is joined to it.
    """
    values: list[float] = []
    weights: list[float] = []
    lengths: list[int] = []
    power = g ** np.arange(len(y) + 1, dtype=np.float64)
    decay = power.tolist()
    for sample in y.tolist():
        value, weight, length = sample, 1.0, 1
        while values and value < decay[lengths[-1]] * values[-1]:
            fade, before = decay[lengths[-1]], weights.pop()
            total = before + fade * fade * weight
            value = (before * values.pop() + fade * weight * value) / total
            weight, length = total, lengths.pop() + length
        values.append(value)
        weights.append(weight)
        lengths.append(length)
    heights = np.repeat(np.maximum(values, 0.0), lengths)
    ends = np.cumsum(lengths)
    ages = np.arange(len(y)) - np.repeat(ends - lengths, lengths)
    calcium: Array = heights * power[ages]
    return calcium


def decay_of(y: Array, noise: float, fallback: float) -> float:
    """Return g from the autocovariance of `y` (T,), free of the noise (Pnevmatikakis et al. 2016, eq. 7).

    `fallback` is returned for a trace without correlation in time.
    """
    centred = y - y.mean()
    count = len(y)
    lags = min(_LAGS, count - 2)
    covariance = np.array([centred[: count - k] @ centred[k:] / count for k in range(lags + 1)])
    left = covariance[:-1].copy()
    left[0] -= noise**2
    power = left @ left
    g = float(left @ covariance[1:] / power) if power > 0 else 0.0
    return min(g, _SLOWEST) if left[0] > 0 and g > 0 else fallback


def deconvolve(y: Array, noise: float, fallback: float) -> Trace:
    """Return the sparsest non-negative spikes whose calcium leaves no more than the noise of `y` (T,).

        minimise sum(s)  subject to  |y - b - c|^2 <= T noise^2       (Pnevmatikakis et al. 2016, eq. 6)

    Both the baseline b and the multiplier of sum(s) subtract a constant from y before pools are formed
    (except at the last sample), so that one number is searched by halving: the larger it is the less is
    explained. The baseline is then the mean of what is left.
    """
    g = decay_of(y, noise, fallback)
    allowed = len(y) * noise**2
    centred = y - y.mean()
    if centred @ centred <= allowed:
        return Trace(np.zeros(len(y)), np.zeros(len(y)), float(y.mean()), g)
    low, high = float(y.min()), float(y.max())
    calcium = nonnegative_decay(y - low, g)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        tried = nonnegative_decay(y - middle, g)
        left = y - tried
        left -= left.mean()
        if left @ left <= allowed:
            low, calcium = middle, tried
        else:
            high = middle
    spikes = calcium - g * np.append(0.0, calcium[:-1])
    # Within a pool only rounding is left; what was there before the first frame is no spike of it.
    spikes[spikes < _ROUNDING * calcium.max()] = 0.0
    spikes[0] = 0.0
    return Trace(calcium, spikes, float((y - calcium).mean()), g)
