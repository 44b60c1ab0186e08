"""Is a component signal or noise: how rough it is, against how rough noise would be.

Buchanan et al. 2018 keep a component while its image and its time course are both smoother than
those of noise; the critical values are quantiles of the two statistics on simulated noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pmd.noise import Array
from pmd.trend import second_difference

_DRAWS = 2000


class Thresholds(NamedTuple):
    """Critical values: a component is signal when it is below both."""

    spatial: float
    temporal: float


def spatial_roughness(image: Array) -> float:
    """Return the mean absolute difference of neighbours (h, w), relative to the mean magnitude."""
    edges = np.concatenate([np.diff(image, axis=0).ravel(), np.diff(image, axis=1).ravel()])
    return _ratio(edges, image)


def temporal_roughness(course: Array) -> float:
    """Return the mean absolute second difference (T,), relative to the mean magnitude."""
    return _ratio(second_difference(course), course)


def _ratio(changes: Array, values: Array) -> float:
    size = float(np.mean(np.abs(values)))
    # What is zero everywhere is not signal.
    return float(np.mean(np.abs(changes))) / size if size > 0 else np.inf


def simulate(shape: tuple[int, int], frames: int, level: float, seed: int) -> Thresholds:
    """Return the `level` quantiles of both statistics over components of pure noise.

    The singular vectors of white Gaussian noise are uniform on the sphere, the left ones
    independent of the right ones (the noise has no preferred direction), and the statistics do not
    depend on length: so Gaussian vectors have the same statistics, and no matrix needs to be
    decomposed. Time courses are centred, as the movie is.
    """
    rng = np.random.default_rng(seed)
    images, courses = [], []
    for _ in range(_DRAWS):
        images.append(spatial_roughness(rng.normal(size=shape)))
        course = rng.normal(size=frames)
        courses.append(temporal_roughness(course - course.mean()))
    return Thresholds(float(np.quantile(images, level)), float(np.quantile(courses, level)))


def is_signal(image: Array, course: Array, thresholds: Thresholds) -> bool:
    """Return whether a component is smoother than noise in space and in time."""
    return (
        spatial_roughness(image) < thresholds.spatial
        and temporal_roughness(course) < thresholds.temporal
    )
