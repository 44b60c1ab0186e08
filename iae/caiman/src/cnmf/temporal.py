"""Update traces: one component after the other, given all others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from cnmf.chunks import project
from cnmf.factors import Factors
from cnmf.noise import Array, noise_sd
from cnmf.oasis import deconvolve

_ROUNDS = 2


def traces(
    Y: Array,
    A: sparse.csc_array,
    C: Array,
    b: Array,
    f: Array,
    fallback: float,
    progress: Callable[[float], None],
) -> tuple[Factors, Array]:
    """Return new factors and residual traces (K, T), given a movie (P, T) and its spatial parts.

    Each trace is what its footprint sees of the movie without all other components (block-coordinate
    descent, Pnevmatikakis et al. 2016, "Estimating C, f"): that of a cell is deconvolved, that of the
    background kept non-negative. The trace of a cell as recorded is C + baseline + residual. `A` and `b`
    have columns of length 1. `fallback` is the decay of one frame where a trace does not tell.
    """
    cells, extra = A.shape[1], b.shape[1]
    # b is dense and A is sparse: products are put together from their parts.
    seen = np.vstack([project(A, Y), project(b, Y)])
    across = A.T @ b
    gram = np.block([[(A.T @ A).toarray(), across], [across.T, b.T @ b]])
    now = np.vstack([C, f])
    left = seen - gram @ now
    spikes = np.zeros((cells, Y.shape[1]))
    decays, baselines = np.full(cells, fallback), np.zeros(cells)
    for turn in range(_ROUNDS):
        for k in [*range(cells, cells + extra), *range(cells)]:
            y = now[k] + left[k]
            if k < cells:
                found = deconvolve(y, float(noise_sd(y[None])[0]), fallback)
                new = found.calcium + found.baseline
                spikes[k], decays[k], baselines[k] = found.spikes, found.decay, found.baseline
            else:
                new = np.maximum(y, 0)
            left -= gram[:, [k]] * (new - now[k])
            now[k] = new
            progress((turn * (cells + extra) + k) / (_ROUNDS * (cells + extra)))
    calcium = now[:cells] - baselines[:, None]
    return Factors(A, calcium, spikes, decays, baselines, b, now[cells:]), left[:cells]
