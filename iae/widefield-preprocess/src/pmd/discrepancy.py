"""Turn `as smooth as the noise allows` into a penalty: one-dimensional root finding, no I/O.

The penalties of PMD are constraints: of all signals that are no farther from the data than the
noise, take the smoothest. Their Lagrangian form has a multiplier, and the distance to the data
grows with it, so the multiplier is found by bracketing and regula falsi.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pmd.noise import Array

_TOLERANCE = 0.005
_GROWTH = 6.0
_MOST_SOLVES = 40


def smoothest(
    y: Array, distance: float, start: float, solve: Callable[[Array, float], Array]
) -> tuple[Array, float]:
    """Return the solution whose distance to `y` is `distance`, to 0.5 %, and its multiplier.

    `solve(y, multiplier)` gives the penalised solution; `start` is a first guess of the multiplier.
    Where even the smoothest solution is nearer than that, it is returned.
    """
    if distance <= 0:
        return y.copy(), 0.0
    low = high = None
    multiplier = start
    best, latest = y.copy(), math.nan
    for _ in range(_MOST_SOLVES):
        found = solve(y, multiplier)
        reached = float(np.linalg.norm(y - found))
        if reached <= distance * (1 + _TOLERANCE):
            best = found
        if abs(reached - distance) <= _TOLERANCE * distance:
            return found, multiplier
        point = (math.log(multiplier), math.log(max(reached, 1e-12 * distance) / distance))
        if reached > distance:
            high = point
        else:
            if high is None and low is not None and reached <= latest * (1 + 1e-6):
                return found, multiplier  # it does not get any smoother
            low, latest = point, reached
        multiplier = _next(low, high)
        if low and high and high[0] - low[0] < 1e-4:  # noqa: PLR2004 - as good as equal
            break
    return best, multiplier


def _next(low: tuple[float, float] | None, high: tuple[float, float] | None) -> float:
    if low is None and high is not None:
        return math.exp(high[0]) / _GROWTH
    if high is None and low is not None:
        return math.exp(low[0]) * _GROWTH
    assert low is not None
    assert high is not None
    share = -low[1] / (high[1] - low[1])
    # Away from the ends, or one of them would hardly move.
    return math.exp(low[0] + min(max(share, 0.1), 0.9) * (high[0] - low[0]))
