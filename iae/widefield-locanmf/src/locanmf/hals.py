"""Hierarchical alternating least squares with a penalty on distance from a region; no I/O here.

Names follow Saxena et al. 2020: the movie Y = U V is explained by A C, with images A >= 0 (N, P) of
N components on P pixels and time courses C (N, K) in an orthonormal basis of K time courses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_TINY = 1e-12


@dataclass(slots=True)
class Factors:
    """Images (N, P), time courses (N, K) and the region (N,) that each component belongs to."""

    images: Array
    courses: Array
    regions: Numbers

    def __len__(self) -> int:
        """Return the number of components."""
        return len(self.images)


def sweep(movie: Array, factors: Factors, distance: Array, weight: Array, sweeps: int) -> None:
    """Improve `factors` in place by `sweeps` rounds of coordinate descent.

    `movie` is (P, K); `distance` (R, P) from each region, 0 inside it; `weight` (N,) is lambda. One
    round lowers |Y - A C|^2 / 2 + sum_k lambda_k <d_region(k), a_k> for A >= 0, component by
    component, then for C. Images are scaled to a peak of 1, so that lambda means the same for all.
    """
    images, courses = factors.images, factors.courses
    for _ in range(sweeps):
        gram, target = courses @ courses.T, courses @ movie.T
        for k in range(len(images)):
            slope = target[k] - gram[k] @ images - weight[k] * distance[factors.regions[k]]
            images[k] = np.maximum(images[k] + slope / max(gram[k, k], _TINY), 0.0)
        peak = images.max(axis=1)
        alive = peak > 0
        images[alive] /= peak[alive, None]
        courses[alive] *= peak[alive, None]
        gram, target = images @ images.T, images @ movie
        for k in range(len(images)):
            if gram[k, k] > _TINY:
                courses[k] += (target[k] - gram[k] @ courses) / gram[k, k]


def localization(factors: Factors, inside: NDArray[np.bool_]) -> Array:
    """Return the share (N,) of the squared image that lies in the component's region.

    `inside` (R, P) says which pixels belong to a region; an image of nothing has a share of 0.
    """
    power = factors.images**2
    own = np.sum(power * inside[factors.regions], axis=1)
    share: Array = own / np.maximum(power.sum(axis=1), _TINY)
    return share


def explained(movie: Array, factors: Factors, inside: NDArray[np.bool_]) -> tuple[float, Array]:
    """Return the share of the movie's power that A C explains, in all and by region (R,)."""
    rest = np.sum((movie - factors.images.T @ factors.courses) ** 2, axis=1)
    power = np.sum(movie**2, axis=1)
    by_region = 1 - (inside @ rest) / np.maximum(inside @ power, _TINY)
    return float(1 - rest.sum() / power.sum()), by_region
