"""How noisy a signal is, from the part of its spectrum that activity hardly reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

Array = NDArray[Any]

_SEGMENT = 256
_LOWEST = 0.25


def noise_sd(y: Array) -> Array:
    """Return the standard deviation of the white noise in signals `y` (..., T), in their units.

    Noise is taken to be all there is above a quarter of the sampling rate. White noise of variance
    s^2 has the one-sided spectral density 2 s^2 per cycle and sample (Welch 1967; the estimator of
    Pnevmatikakis et al. 2016 that Buchanan et al. 2018 use). The highest frequency is left out: its
    density is not doubled.
    """
    frequency, density = welch(y, nperseg=min(_SEGMENT, y.shape[-1]), axis=-1)
    high = (frequency >= _LOWEST) & (frequency < 0.5)
    sd: Array = np.sqrt(density[..., high].mean(axis=-1) / 2)
    return sd
