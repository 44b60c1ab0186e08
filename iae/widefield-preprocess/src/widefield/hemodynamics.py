"""Take what blood does out of a calcium movie, pixel by pixel, with a movie that only blood changes.

Both movies are U times time courses (Musall et al. 2019; the regression in the space of factors is
that of Saxena et al. 2020 and Couto et al. 2021). With b and v the relative changes of one pixel at
the two wavelengths, filtered,

    r = <b, v> / <v, v>        corrected = b - r v

so the corrected movie is [U, diag(r) U] times [B; -V], which is exact; its factors are then made
orthonormal in time and cut to those that hold power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal, sparse

from widefield.recording import Array

_ORDER = 2


@dataclass(frozen=True, slots=True)
class Corrected:
    """The corrected movie as images (P, K) times orthonormal courses (K, T), in units of dF/F.

    `coefficient` (P,) is r; `explained` (P,) is the share of the calcium channel's power that went;
    `kept` is the share of the corrected power that the K factors hold.
    """

    images: Array
    courses: Array
    coefficient: Array
    explained: Array
    kept: float


def filtered(courses: Array, rate: float, high_pass: float, low_pass: float | None) -> Array:
    """Return courses (K, T) without their mean and without what is slower or faster (Hz), undelayed."""
    result = courses - courses.mean(axis=1, keepdims=True)
    for cut, kind in ((high_pass or None, "highpass"), (low_pass, "lowpass")):
        if cut is not None:
            sos = signal.butter(_ORDER, cut, kind, fs=rate, output="sos")
            # Mirrored, and far: point reflection (the default) would add an offset that a slow filter
            # carries into the recording.
            whole = result.shape[1] - 1
            result = signal.sosfiltfilt(sos, result, axis=1, padtype="even", padlen=whole)
    return np.asarray(result)


def correct(
    images: sparse.csr_array, calcium: Array, violet: Array, most: int, power: float
) -> Corrected:
    """Correct images (P, K) times filtered courses (K, T), keeping at most `most` factors.

    As many are kept as hold the share `power` of the corrected movie's power.
    """
    cross = _quadratic(images, calcium @ violet.T)
    own = _quadratic(images, violet @ violet.T)
    total = _quadratic(images, calcium @ calcium.T)
    ratio = np.divide(cross, own, out=np.zeros_like(cross), where=own > 0)
    left = np.maximum(total - ratio * cross, 0.0)
    explained = 1 - np.divide(left, total, out=np.ones_like(left), where=total > 0)
    space = sparse.hstack([images, sparse.diags_array(ratio) @ images]).tocsr()
    factors, courses, kept = _orthonormal(space, np.vstack([calcium, -violet]), most, power)
    return Corrected(factors, courses, ratio, explained, kept)


def _quadratic(images: sparse.csr_array, gram: Array) -> Array:
    """Return u' G u for the row u of every pixel."""
    return np.asarray(images.multiply(images @ gram).sum(axis=1)).ravel()


def _orthonormal(
    space: sparse.csr_array, courses: Array, most: int, power: float
) -> tuple[Array, Array, float]:
    """Return the leading factors of space (P, K) times courses (K, T), and the share they hold.

    They are the singular vectors of the product, found without it.
    """
    basis, mixing = np.linalg.qr(courses.T)
    gram = mixing @ (space.T @ space).toarray() @ mixing.T
    values, vectors = np.linalg.eigh((gram + gram.T) / 2)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    share = np.cumsum(values) / max(float(values.sum()), np.finfo(float).tiny)
    count = min(int(np.searchsorted(share, min(power, 1 - 1e-12))) + 1, most, len(values))
    vectors = vectors[:, :count]
    images = space @ (mixing.T @ vectors)
    # Eigenvectors have no sign of their own; the largest pixel is made positive.
    peaks = images[np.abs(images).argmax(axis=0), np.arange(count)]
    sign = np.where(peaks < 0, -1.0, 1.0)
    return images * sign, (basis @ vectors * sign).T, float(share[count - 1])
