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
_GAP = 1e-4
_MOST_STEPS = 1000
_LOOK = 10


def total_variation(u: Array) -> float:
    """Return the sum of absolute differences of neighbouring pixels of an image (h, w)."""
    return float(np.abs(np.diff(u, axis=0)).sum() + np.abs(np.diff(u, axis=1)).sum())


def variation_filter(image: Array, multiplier: float) -> Array:
    """Return the u that minimises 1/2 |image - u|^2 + multiplier TV(u), to a gap of 1e-4."""
    height, width = image.shape
    down, across = np.zeros((height - 1, width)), np.zeros((height, width - 1))
    old_down, old_across, momentum = down, across, 1.0
    u = image
    for count in range(_MOST_STEPS):
        u = image - _divergence(down, across)
        new_down = np.clip(down + _STEP * np.diff(u, axis=0), -multiplier, multiplier)
        new_across = np.clip(across + _STEP * np.diff(u, axis=1), -multiplier, multiplier)
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        push = (momentum - 1) / following
        down = new_down + push * (new_down - old_down)
        across = new_across + push * (new_across - old_across)
        old_down, old_across, momentum = new_down, new_across, following
        if count % _LOOK == _LOOK - 1:
            u = image - _divergence(old_down, old_across)
            rise, run = np.diff(u, axis=0), np.diff(u, axis=1)
            height_of = multiplier * (np.abs(rise).sum() + np.abs(run).sum())
            gap = height_of - float(np.sum(old_down * rise) + np.sum(old_across * run))
            if gap <= _GAP * (0.5 * float(np.sum((image - u) ** 2)) + height_of + 1e-300):
                break
    return image - _divergence(old_down, old_across)


def _divergence(down: Array, across: Array) -> Array:
    """Return D' p, where D takes differences of neighbouring pixels: below, to the right."""
    total = np.zeros((down.shape[0] + 1, down.shape[1]))
    total[1:] += down
    total[:-1] -= down
    total[:, 1:] += across
    total[:, :-1] -= across
    return total


def smooth_image(image: Array, noise: float, start: float = 0.0) -> tuple[Array, float]:
    """Return the image (h, w) with the least variation that its noise allows, and the multiplier."""
    distance = noise * math.sqrt(image.size)
    return smoothest(image, distance, start or noise or 1.0, variation_filter)
