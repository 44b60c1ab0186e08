"""What a barcode looks like in every frame: gains, colour bleed and phasing of the chemistry.

The codebook B says in which channel c each barcode j lights up in each round r. What is seen is

    Z[r, c, j] = B[r, c, j] + rho[c] Z[r - 1, c, j]          phasing: dye that was not washed out
    G[r, c, j] = alpha[r, c] sum_d phi[c, d] Z[r, d, j]      bleed of channel d into c, and gain

with phi[c, c] = 1: the observation model of Chen et al. 2020. Given blurred densities, the error of
the model depends on their products only, so that everything here is small: with S[i, j] = <KF_i, KF_j>
and T[n, j] = <X_n - background, KF_j> it is, but for a constant, sum_n G_n S G_n' - 2 T_n G_n'.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar, nnls

from bardensr.optics import Array

_LEAST_GAIN = 1e-3
_MOST_BLEED = 0.9
_ROUNDS = 3


class Response(NamedTuple):
    """Gains (R, C), bleed (C, C) with a diagonal of 1, and phasing (C,)."""

    gain: Array
    bleed: Array
    phasing: Array

    def matrix(self, codebook: Array) -> Array:
        """Return G (R C, J) for a codebook (R, C, J)."""
        phased = carried(codebook, self.phasing)
        seen = np.einsum("cd,rdj->rcj", self.bleed, phased) * self.gain[:, :, None]
        flat: Array = seen.reshape(-1, codebook.shape[2])
        return flat


def carried(codebook: Array, phasing: Array) -> Array:
    """Return Z (R, C, J): in every round a share of what the round before showed is left."""
    left = codebook.astype(np.float64)
    for number in range(1, len(left)):
        left[number] += phasing[:, None] * left[number - 1]
    return left


def misfit(matrix: Array, gram: Array, cross: Array) -> float:
    """Return the squared error of G (N, J), but for a constant; gram (J, J), cross (N, J)."""
    return float(np.sum((matrix @ gram - 2 * cross) * matrix))


def refit(
    now: Response, codebook: Array, gram: Array, cross: Array, *, bleed: bool, phasing: bool
) -> Response:
    """Return a response that explains the blurred densities at least as well as `now` does.

    Gains are least squares, bleed non-negative least squares, phasing a line search, in turns. Bleed
    and phasing stay what they are unless asked for.
    """
    best = misfit(now.matrix(codebook), gram, cross)
    for _ in range(_ROUNDS):
        trial = _gains(now, codebook, gram, cross)
        if bleed:
            trial = _bleed(trial, codebook, gram, cross)
        if phasing:
            trial = _phasing(trial, codebook, gram, cross)
        error = misfit(trial.matrix(codebook), gram, cross)
        if not error < best:
            break
        now, best = trial, error
    return now


def _gains(now: Response, codebook: Array, gram: Array, cross: Array) -> Response:
    shape = now._replace(gain=np.ones_like(now.gain)).matrix(codebook)
    power = np.sum((shape @ gram) * shape, axis=1)
    share = np.sum(shape * cross, axis=1)
    known = power > 0
    gain = now.gain.ravel().copy()
    gain[known] = share[known] / power[known]
    floor = _LEAST_GAIN * float(gain.max())
    return now._replace(gain=np.maximum(gain, floor).reshape(now.gain.shape))


def _bleed(now: Response, codebook: Array, gram: Array, cross: Array) -> Response:
    rounds, channels, _ = codebook.shape
    phased = carried(codebook, now.phasing)
    weighted = phased @ gram
    bleed = now.bleed.copy()
    for channel in range(channels):
        others = [d for d in range(channels) if d != channel]
        normal = np.zeros((channels, channels))
        right = np.zeros(channels)
        for number in range(rounds):
            gain = now.gain[number, channel]
            normal += gain**2 * weighted[number] @ phased[number].T
            right += gain * phased[number] @ cross[number * channels + channel]
        right -= normal[channel]  # the diagonal is 1
        values, vectors = np.linalg.eigh(normal[np.ix_(others, others)])
        useful = values > 1e-9 * max(float(values[-1]), 1e-300)
        root = vectors[:, useful] * np.sqrt(values[useful])
        if useful.any():
            found, _ = nnls(
                root.T, (vectors[:, useful] / np.sqrt(values[useful])).T @ right[others]
            )
            bleed[channel, others] = np.minimum(found, _MOST_BLEED)
    return now._replace(bleed=bleed)


def _phasing(now: Response, codebook: Array, gram: Array, cross: Array) -> Response:
    for channel in range(codebook.shape[1]):

        def error(share: float, channel: int = channel, now: Response = now) -> float:
            phasing = now.phasing.copy()
            phasing[channel] = share
            return misfit(now._replace(phasing=phasing).matrix(codebook), gram, cross)

        found = minimize_scalar(error, bounds=(0.0, _MOST_BLEED), method="bounded")
        best = min((float(found.x), 0.0, float(now.phasing[channel])), key=error)
        phasing = now.phasing.copy()
        phasing[channel] = best
        now = now._replace(phasing=phasing)
    return now
