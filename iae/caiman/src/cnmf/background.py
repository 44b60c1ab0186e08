"""The background: what is left of a movie without its cells, as a few non-negative images."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from cnmf.chunks import project, regress, without
from cnmf.noise import Array

_SWEEPS = 40
_POWER = 6
_SPARE = 4
_SEED = 0
_ENOUGH = 0.15  # of all pixels
_BRIGHT = 0.1  # of the brightest pixel of a footprint


def first_background(Y: Array, A: sparse.csc_array, C: Array, rank: int) -> tuple[Array, Array]:
    """Return images b (P, rank) of length 1 and courses f (rank, T) of the movie (P, T) without cells.

    Non-negative matrix factorization of what is left by hierarchical alternating least squares (Cichocki
    and Phan 2009) from the non-negative parts of its leading singular pairs (Boutsidis and
    Gallopoulos 2008). Courses come from the pixels beside the cells, where those are enough: first guesses of
    cells are rough, and what they leave over would be taken for background.
    """
    if rank == 0:
        return np.zeros((len(Y), 0)), np.zeros((0, Y.shape[1]))
    left = without(Y, A, C)
    np.maximum(left, 0, out=left)
    beside = _beside(A)
    part = left[beside] if beside.mean() >= _ENOUGH else left
    b, f = _start(part, rank)
    for _ in range(_SWEEPS):
        f = _fit(f, project(b, part), b.T @ b)
        b = _fit(b.T, regress(f, part), f @ f.T).T
    b = np.tile(b.mean(axis=0), (len(Y), 1)).T
    cross, gram = regress(f, left), f @ f.T
    for _ in range(_SWEEPS):
        b = _fit(b, cross, gram)
    return _unit(b.T, f)


def _beside(A: sparse.csc_array) -> Array:
    """Return which pixels (P,) belong to no footprint, or to the faint parts of some only."""
    beside = np.ones(A.shape[0], dtype=bool)
    for k in range(A.shape[1]):
        part = slice(A.indptr[k], A.indptr[k + 1])
        if part.stop > part.start:
            beside[A.indices[part][A.data[part] > _BRIGHT * A.data[part].max()]] = False
    return beside


def images(Y: Array, A: sparse.csc_array, C: Array, b: Array, f: Array) -> tuple[Array, Array]:
    """Return the background anew, given cells and the courses `f` of the background."""
    if not len(f):
        return b, f
    cross = regress(f, Y) - (A @ (C @ f.T)).T
    gram = f @ f.T
    fitted = b.T
    for _ in range(5):
        fitted = _fit(fitted, cross, gram)
    return _unit(fitted.T, f)


def _start(left: Array, rank: int) -> tuple[Array, Array]:
    count = min(rank + _SPARE, *left.shape)
    basis = np.random.default_rng(_SEED).normal(size=(left.shape[1], count))
    for _ in range(_POWER):
        image = np.linalg.qr(regress(basis.T, left).T)[0]
        basis = np.linalg.qr(project(image, left).T)[0]
    u, s, vt = np.linalg.svd(regress(basis.T, left).T, full_matrices=False)
    v = basis @ vt.T
    b, f = [], []
    for k in range(min(rank, count)):
        signs = [(np.maximum(sign * u[:, k], 0), np.maximum(sign * v[:, k], 0)) for sign in (1, -1)]
        image, course = max(
            signs, key=lambda pair: np.linalg.norm(pair[0]) * np.linalg.norm(pair[1])
        )
        # No zero that the updates could not leave again.
        b.append(image * s[k] + 1e-6 * s[0] / np.sqrt(len(image)))
        f.append(course + 1e-6 / np.sqrt(len(course)))
    return np.stack(b, axis=1), np.stack(f)


def _fit(x: Array, cross: Array, gram: Array) -> Array:
    """Return rows x (N, M) >= 0 after one sweep towards least |Y - D^T x|, given D Y and D D^T."""
    x = x.copy()
    for k in range(len(x)):
        if gram[k, k] > 0:
            x[k] = np.maximum(x[k] + (cross[k] - gram[k] @ x) / gram[k, k], 0)
    return x


def _unit(b: Array, f: Array) -> tuple[Array, Array]:
    lengths = np.linalg.norm(b, axis=0)
    lengths = np.where(lengths > 0, lengths, 1.0)
    return b / lengths, f * lengths[:, None]
