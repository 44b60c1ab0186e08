"""Total variation denoising of a small image: as few edges as the noise allows.

The spatial penalty of PMD (Buchanan et al. 2018): minimise the sum of |u_i - u_j| over
neighbouring pixels, subject to |u - f|_2 <= s sqrt(d). The Lagrangian form is solved through its
dual, by the fast gradient projection of Beck and Teboulle 2009 (their algorithm FGP, with the
anisotropic norm), until the duality gap is small.
"""

from __future__ import annotations

import math

import numpy as np

from pmd.discrepancy import smoothest
from pmd.noise import Array

_STEP = 1 / 8
_GAP = 1e-3
_MOST_STEPS = 1000
_LOOK = 10


def total_variation(u: Array) -> float:
    """Return the sum of absolute differences of neighbouring pixels of an image (h, w)."""
    return float(np.abs(np.diff(u, axis=0)).sum() + np.abs(np.diff(u, axis=1)).sum())


def variation_filter(image: Array, multiplier: float) -> Array:
    """Return the u that minimises 1/2 |image - u|^2 + multiplier TV(u), to a relative gap of 1e-3."""
    height, width = image.shape
    split, size = (height - 1) * width, (height - 1) * width + height * (width - 1)

    def buffer() -> tuple[Array, Array, Array]:
        """Return a dual variable and its two halves: edges downwards, edges to the right."""
        flat = np.zeros(size)
        return flat, flat[:split].reshape(height - 1, width), flat[split:].reshape(height, width - 1)

    # In place throughout: on small images the time goes into allocating, not into computing.
    pushed, pushed_down, pushed_across = buffer()
    new, new_down, new_across = buffer()
    old, old_down, old_across = buffer()
    u, momentum = image.copy(), 1.0
    for count in range(1, _MOST_STEPS + 1):
        _subtract_edges(image, pushed_down, pushed_across, u)
        np.subtract(u[1:], u[:-1], out=new_down)
        np.subtract(u[:, 1:], u[:, :-1], out=new_across)
        new *= _STEP
        new += pushed
        np.maximum(new, -multiplier, out=new)
        np.minimum(new, multiplier, out=new)
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        np.subtract(new, old, out=pushed)
        pushed *= (momentum - 1) / following
        pushed += new
        np.copyto(old, new)
        momentum = following
        if count % _LOOK == 0:
            _subtract_edges(image, old_down, old_across, u)
            np.subtract(u[1:], u[:-1], out=new_down)
            np.subtract(u[:, 1:], u[:, :-1], out=new_across)
            variation = multiplier * float(np.abs(new).sum())
            objective = 0.5 * float(np.sum((image - u) ** 2)) + variation
            if variation - float(old @ new) <= _GAP * objective:
                break
    return u


def _subtract_edges(image: Array, down: Array, across: Array, u: Array) -> None:
    """Set u = image - D' p, where D takes differences of neighbours and p is (down, across)."""
    np.copyto(u, image)
    u[1:] -= down
    u[:-1] += down
    u[:, 1:] -= across
    u[:, :-1] += across


def smooth_image(image: Array, noise: float, start: float = 0.0) -> tuple[Array, float]:
    """Return the image (h, w) with the least variation that its noise allows, and the multiplier."""
    distance = noise * math.sqrt(image.size)
    return smoothest(image, distance, start or noise or 1.0, variation_filter)
