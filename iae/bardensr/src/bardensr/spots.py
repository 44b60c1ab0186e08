"""Turn densities into a list of spots: peaks that are far above noise and above unused barcodes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate, gaussian_filter, maximum_filter

from bardensr.fit import Fit
from bardensr.optics import Array, Blur

_SMOOTH = 0.8  # pixels: a spot between pixels has its density in up to four of them
_REACH = 2  # pixels around a peak whose density is its own


class Spots(NamedTuple):
    """Spots, the brightest first: place (n, 2) in pixels (y, x), barcode, intensity, score (n,).

    `intensity` is that at the peak of the spot in a frame of mean gain; `score` is the intensity in
    standard deviations of what noise does to it.
    """

    places: Array
    barcodes: NDArray[np.int64]
    intensities: Array
    scores: Array

    def __len__(self) -> int:
        """Return how many there are, not how many fields."""
        return len(self.barcodes)

    def where(self, chosen: Array) -> Spots:
        """Return some of them, by a mask or by numbers in order."""
        return Spots(*(field[chosen] for field in self))


def find(fit: Fit, blur: Blur, distance: float) -> Spots:
    """Return all peaks of the densities of a fit that are at least `distance` pixels apart."""
    found: list[list[Array]] = []
    reach = int(np.ceil(distance))
    offsets = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    near = (offsets**2).sum(axis=0) <= distance**2
    own = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    disc = ((own**2).sum(axis=0) <= _REACH**2).astype(float)
    lengths = np.linalg.norm(fit.matrix, axis=0)
    for barcode, density in enumerate(fit.density):
        if not density.any():
            continue
        smooth = gaussian_filter(density, _SMOOTH, mode="constant")
        peaks = (smooth == maximum_filter(smooth, footprint=near, mode="constant")) & (smooth > 0)
        total = correlate(density, disc, mode="constant")
        # Centre of mass of the same neighbourhood.
        down = correlate(density, disc * own[0], mode="constant")
        across = correlate(density, disc * own[1], mode="constant")
        peaks &= total > 0
        at = np.argwhere(peaks)
        mass = total[peaks]
        places = at + np.stack([down[peaks], across[peaks]], axis=1) / mass[:, None]
        unit = fit.noise / (lengths[barcode] * blur.norm)
        found.append([places, np.full(len(at), barcode), mass, mass / unit])
    if not found:
        return Spots(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
    spots = Spots(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    return spots.where(np.argsort(-spots.scores, kind="stable"))


class Cut(NamedTuple):
    """The score from which on spots count, and the share of false ones among them, where known."""

    score: float
    false_discovery_rate: float | None


def cut(spots: Spots, unused: Array, least: float, rate: float) -> Cut:
    """Return the lowest score of at least `least` with no more than `rate` false discoveries.

    Barcodes that are not in the tissue (`unused`, a mask) are found by mistake only, as often as
    every other one: spots of theirs are scaled to the number of those that may be there (Chen et
    al. 2020 use unused barcodes for this too). Without any the score alone decides.
    """
    if not unused.any():
        return Cut(least, None)
    loud = spots.scores >= least
    wrong = np.cumsum(unused[spots.barcodes[loud]])
    right = np.maximum(np.arange(1, len(wrong) + 1) - wrong, 1)
    expected = wrong * (np.sum(~unused) / np.sum(unused)) / right
    if not len(expected):
        return Cut(least, 0.0)
    sound = np.flatnonzero(expected <= rate)
    if not len(sound):
        return Cut(float(np.nextafter(spots.scores[0], np.inf)), 0.0)
    last = int(sound[-1])
    all_sound = last == len(expected) - 1
    return Cut(least if all_sound else float(spots.scores[last]), float(expected[last]))
