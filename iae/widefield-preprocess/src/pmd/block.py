"""Decompose one block: take components off one by one while they are smoother than noise.

The deflation of Buchanan et al. 2018 (section 2, the rank-one problem and its stopping rule),
without the decimated start: from the residual R of a block (pixels by frames, noise of unit
variance) find the u and v that solve

    minimise |R - u v'|   subject to   u as smooth in space, v as smooth in time, as noise allows,

by turns, starting from the leading singular vectors; subtract; stop when `failures` components in
a row could be noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from pmd.noise import Array, noise_sd
from pmd.roughness import Thresholds, is_signal
from pmd.trend import smooth_trend
from pmd.variation import smooth_image


@dataclass(frozen=True, slots=True)
class Rules:
    """When to stop, and what is smoothed; `rounds` is how often image and time course take turns."""

    thresholds: Thresholds
    max_rank: int = 16
    failures: int = 3
    rounds: int = 3
    smooth_space: bool = True
    smooth_time: bool = True


@dataclass(frozen=True, slots=True)
class Factors:
    """Components of a block: images (d, k) of unit length, and time courses (k, T)."""

    images: Array
    courses: Array


def decompose(block: Array, shape: tuple[int, int], rules: Rules) -> Factors:
    """Return the components of a centred block (d, T) of pixels in rows of `shape`."""
    rest = block.copy()
    images: list[Array] = []
    courses: list[Array] = []
    failed = 0
    while len(images) < rules.max_rank and failed < rules.failures:
        u, v = leading_pair(rest)
        if not is_signal(u.reshape(shape), v, rules.thresholds):
            # Noise is taken off as well: what is smooth may hide behind it.
            failed += 1
            rest -= np.outer(u, v)
            continue
        failed = 0
        u, v = _penalised(rest, u, shape, rules)
        rest -= np.outer(u, v)
        images.append(u)
        courses.append(v)
    pixels, frames = block.shape
    return Factors(
        np.array(images).reshape(-1, pixels).T.copy(), np.array(courses).reshape(-1, frames)
    )


def leading_pair(matrix: Array) -> tuple[Array, Array]:
    """Return the first left singular vector and the first right one times its singular value.

    The largest entry of the first is positive.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    gram = matrix.T @ matrix if tall else matrix @ matrix.T
    last = len(gram) - 1
    _, vectors = eigh(gram, subset_by_index=[last, last], check_finite=False)
    u = vectors[:, 0]
    if tall:
        u = matrix @ u
        length = np.linalg.norm(u)
        u = u / length if length > 0 else u
    if u[np.argmax(np.abs(u))] < 0:
        u = -u
    return u, matrix.T @ u


def _penalised(
    rest: Array, u: Array, shape: tuple[int, int], rules: Rules
) -> tuple[Array, Array]:
    bend = edge = 0.0
    for _ in range(rules.rounds if rules.smooth_space else 0):
        v = rest.T @ u
        if rules.smooth_time:
            v, bend = smooth_trend(v, float(noise_sd(v)), bend)
        power = float(v @ v)
        if power == 0:
            break
        # Noise of unit variance, regressed on v, leaves 1 / |v| in every pixel.
        image, edge = smooth_image((rest @ v / power).reshape(shape), power**-0.5, edge)
        length = float(np.linalg.norm(image))
        if length == 0:
            break
        u = image.ravel() / length
        edge = edge / length
    v = rest.T @ u
    if rules.smooth_time:
        v, _ = smooth_trend(v, float(noise_sd(v)), bend)
    return u, v
