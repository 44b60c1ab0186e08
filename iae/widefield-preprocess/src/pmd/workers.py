"""Decompose the blocks of a movie on all processors that this process may use.

Blocks know nothing of each other and every process computes with one thread, so the results do not
depend on how many processors there are.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

from pmd.block import Factors, Rules, decompose
from pmd.noise import Array
from pmd.tiling import Tiling

_CHUNKS = 8  # for each processor, so that the slow ones do not wait for each other


class Work(NamedTuple):
    """Standardised time courses (H W, T) of frames of `width` pixels, and how to decompose them."""

    pixels: Array
    width: int
    tiling: Tiling
    rules: Rules

    def block(self, number: int) -> Factors:
        """Return the components of one block."""
        place = self.tiling.pixels(number, self.width)
        return decompose(self.pixels[place].astype(np.float64), self.tiling.shape, self.rules)


_inherited: list[Work] = []


def blocks(work: Work) -> Iterator[Factors]:
    """Yield the components of all blocks in their order."""
    count = len(work.tiling.corners)
    processors = min(len(os.sched_getaffinity(0)), count)
    if processors == 1:
        yield from map(work.block, range(count))
        return
    # Forked processes see the movie without a copy of it.
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(
        processors, mp_context=fork, initializer=_inherited.append, initargs=(work,)
    ) as pool:
        chunk = max(count // (processors * _CHUNKS), 1)
        yield from pool.map(_inherited_block, range(count), chunksize=chunk)


def _inherited_block(number: int) -> Factors:
    return _inherited[-1].block(number)
