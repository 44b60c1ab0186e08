"""Fit the whole observation model: densities, background, and what the chemistry does to barcodes.

Images X of round r and channel c at pixel m (Chen et al. 2020):

    X[m, r, c] = a[m] + b[r, c] + sum_j G[r, c, j] (K F_j)[m] + noise

with densities F >= 0 that are sparse, a background a >= 0 of every pixel, one b of every frame, and
the barcodes G as seen (see `response`). The blocks F, (a, b) and G take turns, each at its minimum
given the others, but for F, which is improved by a number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bardensr.densities import mixed, regress
from bardensr.noise import noise_sd
from bardensr.optics import Array, Blur
from bardensr.response import Response, refit
from bardensr.settings import Settings

_BACKGROUND_STEPS = 3
_BRIGHT = 99.0  # percentile that is compared between frames for their first gains
_DARK = 25.0  # percentile over frames that is the first background of a pixel


@dataclass(frozen=True, slots=True)
class Fit:
    """What explains the images, in their units but for `matrix`, which is relative.

    `density` (J, H, W); `matrix` (R C, J): the barcodes as seen; `background` (H, W) and `offset`
    (R C,); `noise`: standard deviation; `residual` (R C, H, W); `r2`: share of the variance.
    """

    density: Array
    matrix: Array
    response: Response
    background: Array
    offset: Array
    noise: float
    residual: Array
    r2: float


def analyse(
    images: Array, codebook: Array, settings: Settings, progress: Callable[[float, str], None]
) -> Fit:
    """Explain images (R, C, H, W) by a codebook (R, C, J)."""
    rounds, channels, height, width = images.shape
    blur = Blur(settings.psf_sigma)
    noise = noise_sd(images)
    # In units of its noise, the penalty has a meaning and the units of the images do not count.
    stack = images.reshape(-1, height, width) / noise
    response = _first_response(stack, rounds, channels)
    offset = np.median(stack, axis=(1, 2))
    background = np.maximum(np.percentile(stack - offset[:, None, None], _DARK, axis=0), 0.0)
    density = np.zeros((codebook.shape[2], height, width))
    for turn in range(settings.turns):
        matrix = response.matrix(codebook)
        clean = stack - background - offset[:, None, None]
        density = regress(
            clean, matrix, penalties(matrix, blur, settings.sparsity), blur, density,
            settings.iterations,
        )  # fmt: skip
        blurred = blur(density)
        background, offset = _backgrounds(stack - mixed(matrix, blurred), background, offset)
        if settings.estimate_gain and turn + 1 < settings.turns and density.any():
            flat = blurred.reshape(len(blurred), -1)
            clean = stack - background - offset[:, None, None]
            response = refit(
                response, codebook, flat @ flat.T, clean.reshape(len(clean), -1) @ flat.T,
                bleed=settings.estimate_bleed, phasing=settings.estimate_phasing,
            )  # fmt: skip
            # Gain and density are known up to a factor only: the mean gain is 1.
            scale = float(response.gain.mean())
            response, density = response._replace(gain=response.gain / scale), scale * density
        progress((turn + 1) / settings.turns, f"turn {turn + 1} of {settings.turns}")
    residual = stack - background - offset[:, None, None] - mixed(matrix, blurred)
    spread = float(np.sum((stack - stack.mean()) ** 2))
    return Fit(
        density=noise * density,
        matrix=matrix,
        response=response,
        background=noise * background,
        offset=noise * offset,
        noise=noise,
        residual=noise * residual,
        r2=1 - float(np.sum(residual**2)) / spread,
    )


def penalties(matrix: Array, blur: Blur, sparsity: float) -> Array:
    """Return the weights (J,) of the L1 penalty, for images whose noise has unit variance.

    Noise alone pulls at a density with the standard deviation |G_j| |k|; `sparsity` counts in it.
    """
    weights: Array = sparsity * blur.norm * np.linalg.norm(matrix, axis=0)
    return weights


def _first_response(stack: Array, rounds: int, channels: int) -> Response:
    bright = np.percentile(stack, _BRIGHT, axis=(1, 2)) - np.median(stack, axis=(1, 2))
    gain = np.maximum(bright, 0.05 * float(bright.max())).reshape(rounds, channels)
    return Response(gain / gain.mean(), np.eye(channels), np.zeros(channels))


def _backgrounds(rest: Array, background: Array, offset: Array) -> tuple[Array, Array]:
    """Return a >= 0 (H, W) and b (N,) that explain the rest (N, H, W) best."""
    for _ in range(_BACKGROUND_STEPS):
        offset = (rest - background).mean(axis=(1, 2))
        background = np.maximum((rest - offset[:, None, None]).mean(axis=0), 0.0)
    return background, offset
