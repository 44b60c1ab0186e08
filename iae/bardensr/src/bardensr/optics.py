"""How one point of the tissue looks in an image: the point-spread function K of the model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d

Array = NDArray[Any]

_TRUNCATE = 4.0  # standard deviations, where the kernel ends


class Blur:
    """The Gaussian point-spread function of `sigma` pixels, with a peak of 1.

    As light that leaves the frame is lost, the operator is its own transpose.
    """

    def __init__(self, sigma: float) -> None:
        """Take the standard deviation in pixels."""
        self._sigma = sigma
        side = 2 * math.ceil(_TRUNCATE * sigma + 1) + 1
        point = np.zeros(side)
        point[side // 2] = 1.0
        line = gaussian_filter1d(point, sigma, mode="constant", truncate=_TRUNCATE)
        self._peak = float(line.max()) ** 2
        self.norm = float(np.sum((line / line.max()) ** 2))
        """Euclidean norm of the kernel: how much a spot outweighs a pixel."""
        self.gain = 1 / self._peak
        """Largest factor by which the operator can lengthen an image."""

    def __call__(self, images: Array) -> Array:
        """Return blurred images (..., H, W)."""
        axes = (images.ndim - 2, images.ndim - 1)
        blurred: Array = gaussian_filter(
            images, self._sigma, mode="constant", truncate=_TRUNCATE, axes=axes
        )
        blurred *= self.gain
        return blurred
