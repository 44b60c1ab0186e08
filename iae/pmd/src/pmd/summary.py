"""What to judge a decomposition by without knowing the truth: what is left, and what is local."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pmd.decomposition import Decomposition
from pmd.noise import Array

_STRIP = 16


@dataclass(frozen=True, slots=True)
class Summary:
    """Images (H, W): correlation of each pixel with its neighbours, and variances.

    Correlations are those of the raw, the denoised and the residual movie with the pixels above,
    below, left and right (Smith and Häusser 2010); `persistence` is the correlation of the residual
    with itself one frame later. Signal that was missed shows in the residual's.
    """

    raw: Array
    denoised: Array
    residual: Array
    persistence: Array
    raw_variance: Array
    residual_variance: Array


def summarise(movie: Array, result: Decomposition) -> Summary:
    """Return the images for a movie (T, H, W), a few rows at a time to save memory."""
    _, height, width = movie.shape
    rows = result.U.tocsr()
    parts: list[list[Array]] = []
    for start in range(0, height, _STRIP):
        stop = min(start + _STRIP, height)
        low, high = max(start - 1, 0), min(stop + 1, height)
        raw = movie[:, low:high].astype(np.float64) - result.mean[low:high]
        active = (rows[low * width : high * width] @ result.V).T.reshape(raw.shape)
        rest = raw - active
        inner = slice(start - low, stop - low)
        lagged = _normed(rest[:-1])
        later = _normed(rest[1:])
        parts.append(
            [_neighbours(one)[inner] for one in (raw, active, rest)]
            + [np.sum(lagged * later, axis=0)[inner]]
            + [one.var(axis=0)[inner] for one in (raw, rest)]
        )
    return Summary(*(np.concatenate(images) for images in zip(*parts, strict=True)))


def _normed(movie: Array) -> Array:
    """Return time courses without their mean and of unit length; a constant one stays 0."""
    centred = movie - movie.mean(axis=0)
    length = np.sqrt(np.sum(centred**2, axis=0))
    normed: Array = centred / np.where(length > 0, length, 1.0)
    return normed


def _neighbours(movie: Array) -> Array:
    normed = _normed(movie)
    below = np.sum(normed[:, 1:] * normed[:, :-1], axis=0)
    beside = np.sum(normed[:, :, 1:] * normed[:, :, :-1], axis=0)
    total, count = np.zeros(movie.shape[1:]), np.zeros(movie.shape[1:])
    total[1:] += below
    total[:-1] += below
    count[1:] += 1
    count[:-1] += 1
    total[:, 1:] += beside
    total[:, :-1] += beside
    count[:, 1:] += 1
    count[:, :-1] += 1
    mean: Array = total / count
    return mean
