"""How noisy a signal is, from the part of its spectrum that calcium hardly reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

Array = NDArray[Any]

_SEGMENT = 256
_LOWEST = 0.25
_ROWS = 1024  # signals at once: spectra of a whole movie may not fit


def noise_sd(y: Array) -> Array:
    """Return the standard deviation of the white noise in signals `y` (N, T), in their units (N,).

    Noise is taken to be all there is above a quarter of the sampling rate (Pnevmatikakis et al. 2016,
    "Estimating the noise power"); white noise of variance s^2 has the one-sided spectral density 2 s^2
    per cycle and sample. The highest frequency is left out: its density is not doubled.
    """
    found = np.empty(len(y))
    for start in range(0, len(y), _ROWS):
        part = y[start : start + _ROWS].astype(np.float64)
        frequency, density = welch(part, nperseg=min(_SEGMENT, part.shape[-1]), axis=-1)
        high = (frequency >= _LOWEST) & (frequency < 0.5)
        found[start : start + _ROWS] = np.sqrt(density[:, high].mean(axis=-1) / 2)
    return found
