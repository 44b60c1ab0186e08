"""Cut a field of view into blocks that overlap, and weigh them so that they add up to it."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from pmd.noise import Array


class Tiling(NamedTuple):
    """Blocks of one `shape` (h, w) at `corners` (row, column); `grid` is how many down and across.

    `weights[k]` (h, w) is the share of block k in each of its pixels.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]
    corners: tuple[tuple[int, int], ...]
    weights: tuple[Array, ...]

    def pixels(self, block: int, width: int) -> Array:
        """Return the numbers of a block's pixels in a frame of `width`, row by row."""
        row, column = self.corners[block]
        rows = np.arange(row, row + self.shape[0])[:, None]
        columns = np.arange(column, column + self.shape[1])
        numbers: Array = (rows * width + columns).ravel()
        return numbers


def tile(height: int, width: int, size: int, *, overlap: bool) -> Tiling:
    """Return blocks of `size` pixels, or of the whole side where that is shorter.

    With `overlap` they lie half a block apart and fade linearly towards their edges: the four
    tilings of Buchanan et al. 2018 with their pyramidal weights, in one. The last block of a row is
    moved inwards to end with the frame. Weights of a pixel add up to 1.
    """
    shape = (min(size, height), min(size, width))
    rows = _starts(height, shape[0], overlap=overlap)
    columns = _starts(width, shape[1], overlap=overlap)
    corners = tuple(itertools.product(rows, columns))
    fade = np.outer(*map(_tent, shape)) if overlap else np.ones(shape)
    total = np.zeros((height, width))
    for row, column in corners:
        total[row : row + shape[0], column : column + shape[1]] += fade
    weights = tuple(fade / total[r : r + shape[0], c : c + shape[1]] for r, c in corners)
    return Tiling(shape, (len(rows), len(columns)), corners, weights)


def _starts(length: int, size: int, *, overlap: bool) -> list[int]:
    step = max(size // 2, 1) if overlap else size
    return [*range(0, length - size, step), length - size]


def _tent(size: int) -> Array:
    tent: Array = 1 - np.abs((2 * np.arange(size) + 1) / size - 1)
    # The middle of an odd side is 1; its ends, like those of an even one, are above 0.
    return tent
