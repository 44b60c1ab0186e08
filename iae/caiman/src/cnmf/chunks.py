"""Products with a whole movie in double precision, without a copy of it in double precision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from cnmf.noise import Array

_PIXELS = 2048


def project(images: Array | sparse.csc_array, movie: Array) -> Array:
    """Return what images (P, N) see of a movie (P, T): an array (N, T)."""
    rows = sparse.csr_array(images) if sparse.issparse(images) else images
    seen = np.zeros((images.shape[1], movie.shape[1]))
    for part in _parts(len(movie)):
        seen += rows[part].T @ movie[part].astype(np.float64)
    return seen


def regress(courses: Array, movie: Array) -> Array:
    """Return the products of courses (N, T) with every pixel of a movie (P, T): an array (N, P)."""
    found = np.empty((len(courses), len(movie)))
    for part in _parts(len(movie)):
        found[:, part] = courses @ movie[part].astype(np.float64).T
    return found


def without(movie: Array, images: sparse.csc_array, courses: Array) -> Array:
    """Return a movie (P, T) less images (P, N) times courses (N, T), in the precision of the movie."""
    rows = sparse.csr_array(images)
    left = movie.copy()
    for part in _parts(len(movie)):
        left[part] -= (rows[part] @ courses).astype(movie.dtype)
    return left


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, _PIXELS):
        yield slice(start, start + _PIXELS)
