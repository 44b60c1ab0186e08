"""Localize components by growing penalties, and grow the rank of regions until they are explained.

I/O is not handled here. Saxena et al. 2020, "LocaNMF": an inner loop that raises lambda of every
component that spills out of its region, an outer one that adds components where R^2 is too low.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from locanmf.hals import Array, Factors, explained, localization, sweep
from locanmf.settings import Settings

_SEED_PASSES = 60
_FAINT = 0.25
"""A seed pixel is at least this fraction as bright as the brightest of its region."""
_FIRST_WEIGHT = 1e-3
_GROWTH = 2.0
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Result:
    """Components, their localization (N,), the ranks (R,) and R^2, in all and by region (R,)."""

    factors: Factors
    localization: Array
    ranks: tuple[int, ...]
    r2: float
    r2_by_region: Array


def distances(atlas: NDArray[np.int64], labels: tuple[int, ...]) -> Array:
    """Return the squared distance (R, H, W) of each pixel from each region, at most 1, 0 inside."""
    far = np.stack([distance_transform_edt(atlas != label) for label in labels])
    squares: Array = (far / far.max(axis=(1, 2), keepdims=True)) ** 2
    return squares


def search(
    movie: Array,
    inside: NDArray[np.bool_],
    distance: Array,
    settings: Settings,
    progress: Callable[[float, str], None],
) -> Result:
    """Factorize `movie` (P, K) into localized components of the regions `inside` (R, P)."""
    regions = len(inside)
    ranks = np.full(regions, settings.minimum_rank)
    factors = _seeded(movie, None, inside, dict.fromkeys(range(regions), settings.minimum_rank))
    steps = settings.maximum_rank - settings.minimum_rank + 1
    for step in range(steps):
        share = _localize(movie, factors, inside, distance, settings)
        total, by_region = explained(movie, factors, inside)
        progress((step + 1) / steps, f"{len(factors)} components explain {100 * total:.2f} %")
        grow = np.flatnonzero((by_region < settings.r2_threshold) & (ranks < settings.maximum_rank))
        if not len(grow):
            break
        ranks[grow] += 1
        factors = _seeded(movie, factors, inside, {int(r): int(ranks[r]) for r in grow})
    return Result(factors, share, tuple(int(r) for r in ranks), total, by_region)


def _localize(
    movie: Array,
    factors: Factors,
    inside: NDArray[np.bool_],
    distance: Array,
    settings: Settings,
) -> Array:
    weight = np.zeros(len(factors))
    first = _FIRST_WEIGHT * float(np.max(np.sum(movie**2, axis=1)))
    sweep(movie, factors, distance, weight, settings.sweeps)
    share = localization(factors, inside)
    for _ in range(settings.penalty_steps):
        spilling = share < settings.localization_threshold
        if not spilling.any():
            break
        weight[spilling] = np.where(weight[spilling] > 0, _GROWTH * weight[spilling], first)
        sweep(movie, factors, distance, weight, max(4, settings.sweeps // 3))
        share = localization(factors, inside)
    return share


def _seeded(
    movie: Array, factors: Factors | None, inside: NDArray[np.bool_], ranks: dict[int, int]
) -> Factors:
    """Return `factors` with the components of the regions in `ranks` begun anew, that many each."""
    images: list[Array] = []
    courses: list[Array] = []
    owners: list[int] = []
    if factors is not None:
        kept = [k for k in range(len(factors)) if int(factors.regions[k]) not in ranks]
        images += list(factors.images[kept])
        courses += list(factors.courses[kept])
        owners += [int(r) for r in factors.regions[kept]]
    explained_already = np.array(images).T @ np.array(courses) if images else np.zeros_like(movie)
    for region, rank in ranks.items():
        rows = inside[region]
        own, course = _seeds(movie[rows] - explained_already[rows], rank)
        full = np.zeros((rank, len(movie)))
        full[:, rows] = own
        images += list(full)
        courses += list(course)
        owners += [region] * rank
    return Factors(np.array(images), np.array(courses), np.array(owners, dtype=np.int64))


def _seeds(block: Array, rank: int) -> tuple[Array, Array]:
    """Return images (rank, p) and courses (rank, K) that a region's pixels (p, K) suggest.

    With one component, its leading singular vector. With more, the pixels that are the corners of
    all others (successive projections, Araujo 2001) in the region's leading subspace.
    """
    left, values, right = np.linalg.svd(block, full_matrices=False)
    rank_here = min(rank, len(values))
    scores = left[:, :rank_here] * values[:rank_here]
    if rank == 1:
        sign = 1.0 if scores[:, 0].sum() >= 0 else -1.0
        return np.maximum(sign * scores.T, 0.0), sign * right[:1]
    size = np.linalg.norm(scores, axis=1)
    rest = scores * (size > _FAINT * size.max())[:, None]
    corners = np.zeros((rank, rank_here))
    for k in range(rank_here):
        corner = int(np.argmax(np.sum(rest**2, axis=1)))
        corners[k] = scores[corner]
        direction = rest[corner] / max(float(np.linalg.norm(rest[corner])), _TINY)
        rest = rest - np.outer(rest @ direction, direction)
    images = np.zeros((rank, len(block)))
    gram, target = corners @ corners.T, corners @ scores.T
    for _ in range(_SEED_PASSES):
        for k in range(rank):
            slope = target[k] - gram[k] @ images
            images[k] = np.maximum(images[k] + slope / max(gram[k, k], _TINY), 0.0)
    return images, corners @ right[:rank_here]
