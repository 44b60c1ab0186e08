"""The model: a time-invariant linear dynamical system with Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class System:
    """x[0] ~ N(m0, V0), x[t+1] = A x[t] + N(0, Q), y[t] = C x[t] + d + N(0, R).

    A, Q, V0 are (D, D), C is (N, D), R is (N, N), m0 is (D,), d is (N,); all covariances are
    symmetric and positive definite.
    """

    A: Array
    C: Array
    Q: Array
    R: Array
    m0: Array
    V0: Array
    d: Array

    @property
    def latents(self) -> int:
        """Return D."""
        return len(self.A)

    def in_units(self, scale: Array, offset: Array) -> System:
        """Return the same system for observations `scale * y + offset`, channel by channel."""
        return replace(
            self,
            C=self.C * scale[:, None],
            R=self.R * np.outer(scale, scale),
            d=self.d * scale + offset,
        )

    def in_basis(self, change: Array) -> System:
        """Return the same system for latents `change @ x`; no observation tells the two apart."""
        inverse = np.linalg.inv(change)
        return replace(
            self,
            A=change @ self.A @ inverse,
            C=self.C @ inverse,
            Q=symmetric(change @ self.Q @ change.T),
            m0=change @ self.m0,
            V0=symmetric(change @ self.V0 @ change.T),
        )


def symmetric(matrices: Array) -> Array:
    """Return the symmetric part of a (..., D, D) stack; rounding makes covariances drift off it."""
    return 0.5 * (matrices + np.swapaxes(matrices, -1, -2))


def floored(covariance: Array, floor: float) -> Array:
    """Return the nearest covariance whose eigenvalues are at least `floor`.

    Among all such covariances it also has the largest Gaussian likelihood, so EM stays monotone.
    """
    values, vectors = np.linalg.eigh(symmetric(covariance))
    if values[0] >= floor:
        return symmetric(covariance)
    return symmetric((vectors * np.maximum(values, floor)) @ vectors.T)
