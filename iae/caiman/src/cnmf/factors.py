"""What a movie is made of: footprints times calcium, and a background of low rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cnmf.noise import Array


@dataclass(frozen=True, slots=True)
class Factors:
    """movie (P, T) = A C + b f + noise (Pnevmatikakis et al. 2016, eq. 3).

    Footprints A (P, K), sparse, each of length 1; calcium C and spikes S (K, T), in the units of the
    movie; decays (K,) of one frame; background images b (P, N), each of length 1, and time courses
    f (N, T). `baselines` (K,) are what `C` leaves out of each trace.
    """

    A: sparse.csc_array
    C: Array
    S: Array
    decays: Array
    baselines: Array
    b: Array
    f: Array


def normalised(A: sparse.csc_array, C: Array) -> tuple[sparse.csc_array, Array]:
    """Return footprints of length 1 and traces that take up their lengths."""
    lengths = np.sqrt(np.asarray(A.multiply(A).sum(axis=0)).ravel())
    lengths = np.where(lengths > 0, lengths, 1.0)
    return sparse.csc_array(A @ sparse.diags_array(1 / lengths)), C * lengths[:, None]


def columns(A: sparse.csc_array, chosen: Array) -> sparse.csc_array:
    """Return some of the footprints, by a mask or by numbers."""
    picked = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else np.asarray(chosen)
    return sparse.csc_array(A[:, picked])
