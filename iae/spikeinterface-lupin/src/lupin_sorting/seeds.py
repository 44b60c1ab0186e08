"""Give Lupin's seed to those of its steps that are not told it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def seeded(ours: int) -> Iterator[None]:
    """Let `numpy.random.default_rng()` without a seed start from `ours`, until the end of the block.

    Lupin (SpikeInterface 0.105.3) does not hand its parameter `seed` to three steps, which then start
    from the entropy of the machine: the stretches that thresholds of detection are measured in
    (MatchedFilteringPeakDetector in sortingcomponents/peak_detection/matched_filtering.py), the peaks
    that are clustered, and the order of simultaneous ones where all are (select_peaks in
    sortingcomponents/peak_selection.py), and the spikes that stand for a unit when units are merged
    (random_spikes_selection in core/sorting_tools.py). Thresholds then differ from run to run, and
    with them peaks, clusters and spikes. How things are drawn stays upstream's. Not for threads.
    """
    upstream = np.random.default_rng

    def start(seed: Any = None) -> np.random.Generator:
        return upstream(ours if seed is None else seed)

    np.random.default_rng = start
    try:
        yield
    finally:
        np.random.default_rng = upstream
