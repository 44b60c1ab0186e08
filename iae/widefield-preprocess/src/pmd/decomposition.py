"""The decomposition of a whole movie: noise, blocks, and their factors put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pmd.block import Rules
from pmd.noise import Array, noise_sd
from pmd.roughness import Thresholds, simulate
from pmd.settings import Settings
from pmd.tiling import Tiling, tile
from pmd.workers import Work, blocks


_REPORTS = 50

@dataclass(frozen=True, slots=True)
class Decomposition:
    """Movie = mean + U V + noise, in the units of the movie.

    `mean` and `noise` (H, W): the time average and the standard deviation of the noise; `U`
    (H W, K) sparse, pixels row by row; `V` (K, T); `block` (K,) says whose component it is and
    `ranks` how many each block of the `tiling` has.
    """

    mean: Array
    noise: Array
    U: sparse.csc_array
    V: Array
    block: NDArray[np.int64]
    ranks: Array
    tiling: Tiling
    thresholds: Thresholds

    def movie(self) -> Array:
        """Return the denoised movie (T, H, W)."""
        activity: Array = (self.U @ self.V).T.reshape(-1, *self.mean.shape)
        return self.mean + activity


def analyse(
    movie: Array, settings: Settings, progress: Callable[[float, str], None]
) -> Decomposition:
    """Decompose a movie (T, H, W)."""
    frames, height, width = movie.shape
    pixels, mean, noise = standardise(movie)
    # What never changes gets no share of the activity around it.
    unit = np.where(noise > 0, noise, 1.0) * pixels.any(axis=1)
    tiling = tile(height, width, settings.block_size, overlap=settings.overlap)
    thresholds = simulate(tiling.shape, frames, settings.false_positive_rate, settings.seed)
    rules = Rules(
        thresholds,
        settings.max_rank,
        settings.max_failures,
        settings.rounds,
        smooth_space=settings.smoothing in ("both", "space"),
        smooth_time=settings.smoothing in ("both", "time"),
    )
    columns: list[Array] = []
    places: list[Array] = []
    courses: list[Array] = []
    ranks = np.zeros(len(tiling.corners), dtype=np.int64)
    for block, factors in enumerate(blocks(Work(pixels, width, tiling, rules))):
        place = tiling.pixels(block, width)
        ranks[block] = len(factors.courses)
        share = tiling.weights[block].ravel() * unit[place]
        for image in factors.images.T:
            columns.append(image * share)
            places.append(place)
        courses.append(factors.courses)
        if (block + 1) * _REPORTS // len(ranks) > block * _REPORTS // len(ranks):
            progress((block + 1) / len(ranks), f"{block + 1} of {len(ranks)} blocks")
    size = tiling.shape[0] * tiling.shape[1]
    U = sparse.csc_array(
        (
            np.concatenate(columns) if columns else np.zeros(0),
            np.concatenate(places) if places else np.zeros(0, dtype=np.int64),
            np.arange(len(columns) + 1) * size,
        ),
        shape=(height * width, len(columns)),
    )
    return Decomposition(
        mean.reshape(height, width),
        noise.reshape(height, width),
        U,
        np.concatenate(courses),
        np.repeat(np.arange(len(ranks)), ranks),
        ranks.reshape(tiling.grid),
        tiling,
        thresholds,
    )


def standardise(movie: Array) -> tuple[Array, Array, Array]:
    """Return time courses (H W, T) with mean 0 and noise of unit variance, and mean and noise.

    They are held in single precision, row by row of the image: the movie is the largest thing in
    memory. A pixel without noise keeps its units;
    one that never changes is 0 throughout.
    """
    frames, height, width = movie.shape
    pixels = np.empty((height * width, frames), dtype=np.float32)
    mean, noise = np.empty(height * width), np.empty(height * width)
    for row in range(height):
        place = slice(row * width, (row + 1) * width)
        line = movie[:, row].T.astype(np.float64)
        mean[place] = line.mean(axis=1)
        still = (line == line[:, :1]).all(axis=1)
        line -= mean[place][:, None]
        line[still] = 0.0
        noise[place] = noise_sd(line)
        pixels[place] = line / np.where(noise[place] > 0, noise[place], 1.0)[:, None]
    return pixels, mean, noise
