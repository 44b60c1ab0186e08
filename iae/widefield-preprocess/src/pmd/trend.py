"""Trend filtering of a time course: as few bends as the noise allows.

The temporal penalty of PMD (Buchanan et al. 2018): minimise |D v|_1 over all v with
|v - y|_2 <= s sqrt(T), where D takes second differences and s is the noise of y. Solved in the
Lagrangian form of Kim, Koh, Boyd and Gorinevsky 2009 (l1 trend filtering),

    minimise  1/2 |y - x|^2 + k |D x|_1,

through its dual, a quadratic programme in a box,

    minimise  1/2 |D' z|^2 - y' D' z   subject to   |z| <= k,      x = y - D' z,

by a primal-dual interior-point method: each step solves one band matrix, and the duality gap says
when to stop.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solveh_banded

from pmd.discrepancy import smoothest
from pmd.noise import Array

SHORTEST = 3
"""Samples below which there is no second difference."""

_GAP = 1e-5
_STEPS = 80
_CENTRING = 2.0
_KEEP = 0.99
_ACCEPTED = 0.2


def second_difference(x: Array) -> Array:
    """Return D x (T - 2,)."""
    difference: Array = x[:-2] - 2 * x[1:-1] + x[2:]
    return difference


def _transposed(z: Array) -> Array:
    """Return D' z (T,)."""
    x = np.zeros(len(z) + 2)
    x[:-2] += z
    x[1:-1] -= 2 * z
    x[2:] += z
    return x


def trend_filter(y: Array, multiplier: float) -> Array:
    """Return the x that minimises 1/2 |y - x|^2 + multiplier |D x|_1, to a relative gap of 1e-5."""
    size = len(y) - 2
    if size < 1:
        return y.copy()
    bends = second_difference(y)
    # D D', upper form: 6 on the diagonal, -4 and 1 beside it.
    band = np.zeros((3, size))
    band[0, 2:], band[1, 1:], band[2] = 1.0, -4.0, 6.0
    diagonal = band[2].copy()
    z = np.zeros(size)
    upper = np.ones(size)
    lower = np.ones(size)
    pull, sharpness, step = _transposed(z), 1e-10, math.inf
    for _ in range(_STEPS):
        residual = second_difference(pull)
        bent = bends - residual
        roughness = multiplier * float(np.abs(bent).sum())
        gap = roughness - float(z @ bent)
        scale = 0.5 * float(pull @ pull) + roughness
        if gap <= _GAP * max(scale, 1e-300):
            break
        if step >= _ACCEPTED:
            sharpness = max(2 * size * _CENTRING / gap, 1.2 * sharpness)
        above, below = z - multiplier, -z - multiplier
        band[2] = diagonal - upper / above - lower / below
        right = bent + (1 / above - 1 / below) / sharpness
        move = solveh_banded(band, right, check_finite=False)
        up = -(upper + (1 / sharpness + move * upper) / above)
        down = -(lower + (1 / sharpness - move * lower) / below)
        step = min(
            1.0,
            _KEEP * _reach(upper, up),
            _KEEP * _reach(lower, down),
            _KEEP * _reach(-above, -move),
            _KEEP * _reach(-below, move),
        )
        z = z + step * move
        upper, lower = upper + step * up, lower + step * down
        pull = _transposed(z)
    return y - pull


def _reach(value: Array, change: Array) -> float:
    """Return the longest step that keeps positive values positive."""
    falling = change < 0
    return float(np.min(-value[falling] / change[falling])) if falling.any() else math.inf


def smooth_trend(y: Array, noise: float, start: float = 0.0) -> tuple[Array, float]:
    """Return the trend of `y` (T,) that its noise (standard deviation) allows, and the multiplier.

    `start` is the multiplier of a similar signal; 0 when there is none.
    """
    distance = noise * math.sqrt(len(y))
    return smoothest(y, distance, start or 10.0 * noise or 1.0, trend_filter)
