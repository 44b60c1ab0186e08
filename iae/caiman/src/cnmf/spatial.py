"""Update footprints: each pixel is explained by few cells nearby, as well as its noise allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage, sparse

from cnmf.lasso import sparse_weights
from cnmf.noise import Array

_REACH = 2  # pixels that a footprint may grow in one update
_FAINT = 0.1  # of the brightest pixel of a footprint
_FREE = 1e-4  # penalty of the background beside that of cells
_CROSS = ndimage.generate_binary_structure(2, 1)
_SQUARE = np.ones((3, 3), dtype=bool)


def footprints(
    Y: Array,
    A: sparse.csc_array,
    C: Array,
    f: Array,
    noise: Array,
    shape: tuple[int, int],
    progress: Callable[[float], None],
) -> sparse.csc_array:
    """Return new footprints A (P, K), given a movie (P, T), traces C (K, T), f (N, T), noise (P,).

    Equation 5 of Pnevmatikakis et al. 2016: the least sum of weights whose misfit is that of the noise,
    with a search region around the footprint of before; then isolated pixels are smoothed away,
    faint ones dropped, holes closed and the largest piece kept. A column may become empty.
    """
    allowed = Y.shape[1] * noise.astype(np.float64) ** 2
    regions = _regions(A, shape)
    both = np.vstack([C, f])
    scale = np.linalg.norm(both, axis=1)
    scale = np.where(scale > 0, scale, 1.0)
    both = both / scale[:, None]
    gram = both @ both.T
    cells, extra = len(C), len(f)
    pixels = np.flatnonzero(np.diff(regions.indptr))
    rows: list[int] = []
    numbers: list[Array] = []
    values: list[Array] = []
    for turn, pixel in enumerate(pixels):
        near = regions.indices[regions.indptr[pixel] : regions.indptr[pixel + 1]]
        chosen = np.concatenate([near, np.arange(cells, cells + extra)])
        y = Y[pixel].astype(np.float64)
        # In the units of each component: what is penalised is A itself, not A times its trace.
        weights = np.concatenate([1 / scale[near], np.full(extra, _FREE / scale[near].max())])
        x = sparse_weights(
            gram[np.ix_(chosen, chosen)], both[chosen] @ y, float(y @ y), weights, allowed[pixel]
        )[: len(near)]
        kept = x > 0
        rows += [int(pixel)] * int(kept.sum())
        numbers.append(near[kept])
        values.append(x[kept] / scale[near[kept]])
        if turn % 1024 == 0:
            progress(turn / len(pixels))
    empty = np.zeros(0)
    found = sparse.csc_array(
        (
            np.concatenate([*values, empty]),
            (np.array(rows, dtype=np.int64), np.concatenate([*numbers, empty]).astype(np.int64)),
        ),
        shape=A.shape,
    )
    return _tidy(found, shape)


def _regions(A: sparse.csc_array, shape: tuple[int, int]) -> sparse.csr_array:
    """Return which cells (P, K) a pixel may belong to, as rows of numbers."""
    grown = ndimage.iterate_structure(_CROSS, _REACH)
    parts = [
        np.flatnonzero(ndimage.binary_dilation(_image(A, k, shape) > 0, structure=grown))
        for k in range(A.shape[1])
    ]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    rows = np.concatenate([*parts, np.zeros(0, dtype=np.int64)])
    regions = sparse.csc_array((np.ones(len(rows)), rows, starts), shape=A.shape).tocsr()
    regions.sort_indices()
    return regions


def _tidy(A: sparse.csc_array, shape: tuple[int, int]) -> sparse.csc_array:
    tidied = []
    for k in range(A.shape[1]):
        image = ndimage.median_filter(_image(A, k, shape), size=3, mode="constant")
        mask = image > _FAINT * image.max()
        mask = ndimage.binary_closing(mask, structure=_SQUARE) & (image > 0)
        pieces, count = ndimage.label(mask, structure=_SQUARE)
        if count:
            sizes = np.bincount(pieces.ravel())[1:]
            mask = pieces == 1 + int(np.argmax(sizes))
        tidied.append(sparse.csc_array(np.where(mask, image, 0.0).reshape(-1, 1)))
    return sparse.csc_array(sparse.hstack(tidied)) if tidied else A


def _image(A: sparse.csc_array, k: int, shape: tuple[int, int]) -> Array:
    image = np.zeros(shape[0] * shape[1])
    part = slice(A.indptr[k], A.indptr[k + 1])
    image[A.indices[part]] = A.data[part]
    return image.reshape(shape)
