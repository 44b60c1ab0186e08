"""The whole analysis: registration, first guesses, updates of space and time in turn, quality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from cnmf import background, greedy, spatial
from cnmf.chunks import without
from cnmf.factors import Factors, columns, normalised
from cnmf.merge import joined
from cnmf.motion import register
from cnmf.noise import Array, noise_sd
from cnmf.quality import Quality, judge
from cnmf.refusal import Refusal
from cnmf.settings import Settings
from cnmf.temporal import traces

Progress = Callable[[float, str], None]
_PASSES = 2


@dataclass(frozen=True, slots=True)
class Fit:
    """Factors of a movie of frames (H, W); `left` (K, T) are traces as recorded without C and baseline.

    `movie` (H W, T) is registered; `shifts` (T, 2) in pixels; `noise` (H W,) and `started`, `joined` and
    `vanished` say how many components there were and became part of others or empty.
    """

    movie: Array
    shape: tuple[int, int]
    shifts: Array
    noise: Array
    factors: Factors
    left: Array
    quality: Quality
    started: int
    joined: int
    vanished: int

    def residual_ratio(self) -> float:
        """Return what is left of the movie over the noise, both as power: 1 when only noise is left."""
        left = without(self.movie, self.factors.A, self.factors.C + self.factors.baselines[:, None])
        left = without(left, sparse.csc_array(self.factors.b), self.factors.f)
        return float(np.mean(left**2, dtype=np.float64) / np.mean(self.noise**2))


def analyse(frames: Array, rate: float, asked: Settings, progress: Progress) -> Fit:
    """Return the factors of a movie (T, H, W) at `rate` Hz."""
    shape = frames.shape[1:]
    shifts = np.zeros((len(frames), 2))
    registered = frames
    if asked.max_shift:
        registered, shifts = register(
            frames, asked.max_shift, 2, lambda share: progress(0.15 * share, "registering")
        )
    pixels = np.ascontiguousarray(registered.reshape(len(frames), -1).T.astype(np.float32))
    del registered
    noise = noise_sd(pixels)
    A, C = greedy.cells(
        pixels.reshape(*shape, -1),
        asked.components,
        asked.cell_radius,
        lambda share: progress(0.15 + 0.25 * share, "looking for cells"),
    )
    started = A.shape[1]
    b, f = background.first_background(pixels, A, C, asked.background)
    fallback = float(np.exp(-1 / (asked.decay_time * rate)))
    merged = vanished = 0
    factors, left = None, None
    for turn in range(_PASSES):
        base = 0.4 + 0.6 * turn / _PASSES
        A = spatial.footprints(
            pixels, A, C, f, noise, shape,
            lambda share, base=base: progress(base + 0.15 * share, "updating footprints"),
        )  # fmt: skip
        alive = np.diff(A.indptr) > 0
        vanished += int(np.sum(~alive))
        if not alive.any():
            raise Refusal(
                "no cell was found: nothing of the size of cell_radius stands out of the noise"
            )
        A, C = normalised(columns(A, alive), C[alive])
        b, f = background.images(pixels, A, C, b, f)
        factors, left = traces(
            pixels, A, C, b, f, fallback,
            lambda share, base=base: progress(base + 0.15 + 0.15 * share, "updating traces"),
        )  # fmt: skip
        A, C, b, f = factors.A, factors.C, factors.b, factors.f
        if turn < _PASSES - 1:
            A, C, fewer = joined(A, C, asked.merge_correlation)
            merged += fewer
    quality = judge(
        pixels,
        factors,
        left,
        rate,
        asked.decay_time,
        (asked.minimum_snr, asked.minimum_correlation),
    )
    return Fit(pixels, shape, shifts, noise, factors, left, quality, started, merged, vanished)
