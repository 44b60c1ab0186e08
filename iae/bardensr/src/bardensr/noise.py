"""How noisy images are, told from differences that hardly any structure survives."""

from __future__ import annotations

import numpy as np

from bardensr.optics import Array

_MAD = 0.674489750196082  # the median of |x| of a standard normal variable


def noise_sd(images: Array) -> float:
    """Return the standard deviation of the noise in images (..., H, W), in their units.

    The mask of Immerkaer 1996 takes differences of second differences, which leaves white noise
    with 6 times its standard deviation; the median of its magnitude does not see sparse spots.
    """
    down = images[..., 2:, :] - 2 * images[..., 1:-1, :] + images[..., :-2, :]
    both = down[..., 2:] - 2 * down[..., 1:-1] + down[..., :-2]
    return float(np.median(np.abs(both))) / (6 * _MAD)
