"""Non-negative, sparse densities of all barcodes, given what each looks like: the spatial regression.

Minimise over F >= 0

    1/2 sum_n | Y_n - sum_j G[n, j] K F_j |^2 + sum_j w_j |F_j|_1

for images Y (N, H, W) without background. It is convex, and solved by FISTA (Beck and Teboulle
2009) with the restart of O'Donoghue and Candes 2015. Per step it costs two blurs of J images.
"""

from __future__ import annotations

import math

import numpy as np

from bardensr.optics import Array, Blur


def objective(images: Array, matrix: Array, density: Array, weights: Array, blur: Blur) -> float:
    """Return what `regress` minimises, for densities (J, H, W)."""
    rest = images - mixed(matrix, blur(density))
    penalty = weights @ density.sum(axis=(1, 2))
    return 0.5 * float(np.sum(rest**2)) + float(penalty)


def mixed(matrix: Array, blurred: Array) -> Array:
    """Return sum_j G[n, j] KF_j (N, H, W)."""
    together: Array = np.tensordot(matrix, blurred, axes=1)
    return together


def regress(
    images: Array, matrix: Array, weights: Array, blur: Blur, start: Array, iterations: int
) -> Array:
    """Return densities (J, H, W) after some steps from `start`; `weights` (J,) is the penalty."""
    gram = matrix.T @ matrix
    step = 1 / max(blur.gain**2 * float(np.linalg.eigvalsh(gram)[-1]), 1e-300)
    # K is its own transpose, so K' G' Y is computed once.
    pull = blur(np.tensordot(matrix.T, images, axes=1))
    pull -= weights[:, None, None]
    density, momentum = start, 1.0
    ahead = start.copy()
    for _ in range(iterations):
        gradient = blur(blur(np.tensordot(gram, ahead, axes=1)))
        gradient -= pull
        new = np.maximum(ahead - step * gradient, 0.0)
        moved = new - density
        if float(np.vdot(ahead - new, moved)) > 0:
            momentum = 1.0  # it overshot: forget where it came from
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + ((momentum - 1) / following) * moved
        density, momentum = new, following
    return density
