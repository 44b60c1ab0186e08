"""What each sample says about the state, with missing channels left out exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalman_smoother.system import Array, System

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Pattern:
    """All samples in which the same channels were observed: their indices in time and channels."""

    rows: Indices
    channels: Indices


@dataclass(frozen=True, slots=True)
class Observations:
    """The data `y` (T, N), NaN where missing, with the samples grouped by what is missing."""

    y: Array
    patterns: tuple[Pattern, ...]
    index: Indices

    @property
    def values(self) -> int:
        """Return the number of observed values."""
        return sum(len(p.rows) * len(p.channels) for p in self.patterns)


def observe(y: Array) -> Observations:
    """Group the samples of `y` (T, N) by their missing channels."""
    masks, index = np.unique(~np.isnan(y), axis=0, return_inverse=True)
    index = index.reshape(-1)
    patterns = tuple(
        Pattern(np.flatnonzero(index == k), np.flatnonzero(mask)) for k, mask in enumerate(masks)
    )
    return Observations(y, patterns, index)


class Evidence:
    """The likelihood of each sample as a function of its state, whitened by the noise.

    With R = L L', dropping the rows of missing channels: log p(y | x) = constant
    - |L^-1 (y - d - C x)|^2 / 2, so that J = (L^-1 C)' (L^-1 C) is the information on x.
    `information_by_pattern` (P, D, D) is J of each pattern, `index` (T,) the pattern of each sample.
    """

    def __init__(self, data: Observations, system: System) -> None:
        self._data = data
        self._loadings: list[Array] = []
        self._whitened: list[Array] = []
        count, latents = len(data.patterns), system.latents
        self.index = data.index
        self.information_by_pattern = np.zeros((count, latents, latents))
        self._constant = np.zeros(count)
        for k, pattern in enumerate(data.patterns):
            seen = pattern.channels
            factor = np.linalg.cholesky(system.R[np.ix_(seen, seen)])
            both = np.concatenate(
                [system.C[seen], (data.y[np.ix_(pattern.rows, seen)] - system.d[seen]).T], axis=1
            )
            white = np.linalg.solve(factor, both) if len(seen) else both
            loading = white[:, :latents]
            self._loadings.append(loading)
            self._whitened.append(white[:, latents:].T)
            self.information_by_pattern[k] = loading.T @ loading
            self._constant[k] = -0.5 * len(seen) * np.log(2 * np.pi) - np.sum(
                np.log(np.diagonal(factor))
            )

    @property
    def information(self) -> Array:
        """Return J of every sample, (T, D, D)."""
        taken: Array = self.information_by_pattern[self.index]
        return taken

    @property
    def constant(self) -> Array:
        """Return what the likelihood of every sample holds besides the quadratic form, (T,)."""
        taken: Array = self._constant[self.index]
        return taken

    def surprise(self, states: Array) -> tuple[Array, Array]:
        """Return the score (T, D) and the squared length (T,) of the residuals at given states.

        The residual itself is formed before it is squared: no difference of large squares.
        """
        score = np.zeros_like(states)
        squared = np.zeros(len(states))
        for pattern, loading, white in zip(
            self._data.patterns, self._loadings, self._whitened, strict=True
        ):
            residual = white - states[pattern.rows] @ loading.T
            score[pattern.rows] = residual @ loading
            squared[pattern.rows] = np.sum(residual**2, axis=1)
        return score, squared
