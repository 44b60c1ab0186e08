"""The equations: scoremaps of all replicas into one, positions from a scoremap, errors of positions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Consensus(NamedTuple):
    """What the ensemble says of T frames, K parts, R replicas; positions are x and y in pixels.

    `positions` (R, T, K, 2): entry n - 1 is the consensus of the first n replicas, the last is the consensus of all.
    `likelihood` (T, K): peak probability of the last. `members` (R, T, K, 2): each replica by itself.
    """

    positions: Array
    likelihood: Array
    members: Array


def log_sigmoid(logits: Array) -> Array:
    """Return the logarithm of the sigmoid, which neither overflows nor becomes minus infinity."""
    found: Array = np.minimum(logits, 0) - np.log1p(np.exp(-np.abs(logits)))
    return found


def agree(scoremaps: Iterable[Array]) -> Iterator[Array]:
    """Yield the consensus scoremap of the first one, two, three ... scoremaps: Abe et al. 2021, equation 1.

    S^-1(mean of S(scoremap)) with S the sigmoid. Since S^-1(p) = log p - log(1 - p), and 1 - S(x) = S(-x), it is the
    difference of two logarithms of sums; sigmoids are never formed, so scoremaps of which they
    would round to 0 or 1 give finite values too.
    """
    present = absent = None
    for scoremap in scoremaps:
        logits = scoremap.astype(np.float64)
        here, gone = log_sigmoid(logits), log_sigmoid(-logits)
        present = here if present is None else np.logaddexp(present, here)
        absent = gone if absent is None else np.logaddexp(absent, gone)
        yield present - absent


def soft_argmax(scoremaps: Array, sharpness: float, stride: float) -> Array:
    """Return the mean place (..., 2), x and y in pixels, under the softmax of `sharpness` times scoremaps (..., rows, columns)."""
    scaled = scoremaps.astype(np.float64) * sharpness
    weights = np.exp(scaled - scaled.max(axis=(-2, -1), keepdims=True))
    weights /= weights.sum(axis=(-2, -1), keepdims=True)
    rows, columns = scoremaps.shape[-2:]
    x = weights.sum(axis=-2) @ _cells(columns, stride)
    y = weights.sum(axis=-1) @ _cells(rows, stride)
    return np.stack([x, y], axis=-1)


def _cells(count: int, stride: float) -> Array:
    """Return the centres of cells in pixels, the first pixel's being 0."""
    return np.arange(count) * stride + (stride - 1) / 2


def combine(
    chunks: Iterable[tuple[Array, ...]], sharpness: float, stride: float
) -> Consensus:
    """Combine chunks of frames; each holds a scoremap (frames, parts, rows, columns) of every replica."""
    together, sure, alone = [], [], []
    for chunk in chunks:
        maps = list(agree(chunk))
        together.append(np.stack([soft_argmax(one, sharpness, stride) for one in maps]))
        alone.append(np.stack([soft_argmax(one, sharpness, stride) for one in chunk]))
        sure.append(np.exp(log_sigmoid(maps[-1].max(axis=(-2, -1)))))
    return Consensus(
        np.concatenate(together, axis=1), np.concatenate(sure), np.concatenate(alone, axis=1)
    )


def spread(members: Array) -> Array:
    """Return how far replicas (R, T, K, 2) scatter about their mean (T, K): root mean square distance in pixels."""
    away = members - members.mean(axis=0)
    found: Array = np.sqrt((away**2).sum(axis=-1).mean(axis=0))
    return found


def rmse(positions: Array, labels: Array) -> float:
    """Return the error of positions (T, K, 2) in pixels: Abe et al. 2021, equation 2.

    The root of the squared distance, summed over parts, averaged over frames; of a part that is not marked everywhere (NaN)
    the frames in which it is. NaN when a part is marked nowhere.
    """
    squares = ((positions - labels) ** 2).sum(axis=-1)
    marked = ~np.isnan(squares)
    if not marked.any(axis=0).all():
        return math.nan
    return math.sqrt(float((np.where(marked, squares, 0).sum(axis=0) / marked.sum(axis=0)).sum()))


def roughness(positions: Array) -> float:
    """Return the mean length of second differences of traces (T, K, 2), in pixels per frame squared."""
    return float(np.linalg.norm(np.diff(positions, n=2, axis=0), axis=-1).mean())


def correlation(one: Array, other: Array) -> float:
    """Return Spearman's rank correlation, ties by their mean rank; NaN when one of them is constant."""
    first, second = _ranks(one), _ranks(other)
    if min(first.std(), second.std()) == 0:
        return math.nan
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    found: Array = middle[inverse]
    return found
