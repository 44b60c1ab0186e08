"""Sparse non-negative regression of one pixel: as little as its noise demands.

    minimise  sum(w x)   subject to  |y - x^T D|^2 <= allowed,  x >= 0

(Pnevmatikakis et al. 2016, eq. 5.) Followed along the path of the multiplier, as least angle
regression does for the non-negative lasso (Efron et al. 2004), on Gram matrices.
"""

from __future__ import annotations

import numpy as np

from cnmf.noise import Array

_TINY = 1e-12


def sparse_weights(
    gram: Array, cross: Array, power: float, weights: Array, allowed: float
) -> Array:
    """Return x (K,) for gram D D^T (K, K), cross D y (K,), power y y, and penalties `weights` > 0.

    When no x leaves as little as `allowed`, x is the non-negative least squares solution.
    """
    count = len(cross)
    x = np.zeros(count)
    if power <= allowed:
        return x
    active: list[int] = []
    level = float(np.max(cross / weights, initial=0.0))
    if level <= 0:
        return x
    active.append(int(np.argmax(cross / weights)))
    for _ in range(8 * count + 8):
        inner = gram[np.ix_(active, active)]
        # On this stretch x[active] = full - level * pull, and so falls the misfit.
        full, pull = np.linalg.lstsq(
            inner, np.stack([cross[active], weights[active]], axis=1), rcond=None
        )[0].T
        rest = cross - gram[:, active] @ full
        grow = gram[:, active] @ pull
        upcoming, event = 0.0, -1
        for index in range(count):
            if index in active:
                place = active.index(index)
                # Falls to zero as the level goes down.
                at = full[place] / pull[place] if pull[place] < -_TINY else -1.0
            else:
                slope = weights[index] - grow[index]
                at = rest[index] / slope if slope > _TINY else -1.0
            if upcoming < at < level * (1 - 1e-9):
                upcoming, event = at, index
        reached = _level_of(power, cross[active], inner, full, pull, allowed, upcoming, level)
        if reached is not None or event < 0:
            at = 0.0 if reached is None else reached
            x = np.zeros(count)
            x[active] = np.maximum(full - at * pull, 0.0)
            return x
        level = upcoming
        x = np.zeros(count)
        x[active] = np.maximum(full - level * pull, 0.0)
        if event in active:
            active.remove(event)
        else:
            active.append(event)
        if not active:
            return x
    return x


def _level_of(
    power: float,
    cross: Array,
    inner: Array,
    full: Array,
    pull: Array,
    allowed: float,
    lower: float,
    upper: float,
) -> float | None:
    """Return the level between two at which the misfit is what is allowed, or None.

    With x = full - level * pull the misfit is a parabola in the level: base + bend * level^2.
    """
    base = power - float(cross @ full)
    bend = float(pull @ inner @ pull)
    if bend <= 0 or base > allowed:
        return None
    level = float(np.sqrt((allowed - base) / bend))
    return min(level, upper) if level >= lower else None
