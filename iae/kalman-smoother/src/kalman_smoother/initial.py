"""Where EM starts: from the principal subspace of short histories, or from a seeded guess."""

from __future__ import annotations

import numpy as np

from kalman_smoother.system import Array, System

_HISTORY = 4
_RADIUS = 0.98
_GUESS_RADIUS = 0.9
_NOISE_SHARE = 0.1


def subspace(y: Array, latents: int, seed: int) -> System:
    """Take the leading principal components of delayed copies of `y` (T, N) as the first states.

    `y` is centred; missing values are interpolated in time for this purpose only. Delays make it
    possible to have more latents than channels (as in Ho and Kalman 1966; van Overschee and
    de Moor 1996). Directions that the data do not have are filled with seeded noise.
    """
    filled = _interpolated(y)
    samples, channels = filled.shape
    history = min(max(_HISTORY, -(-latents // channels)), samples)
    padded = np.concatenate([np.repeat(filled[:1], history - 1, axis=0), filled])
    windows = np.lib.stride_tricks.sliding_window_view(padded, history, axis=0)
    left, strength, _ = np.linalg.svd(windows.reshape(samples, -1), full_matrices=False)
    states = np.random.default_rng(seed).standard_normal((samples, latents))
    rank = min(latents, int(np.sum(strength > strength[0] * 1e-10)))
    # The sign of a singular vector is arbitrary; fix it so that it cannot differ between machines.
    peaks = left[np.argmax(np.abs(left[:, :rank]), axis=0), np.arange(rank)]
    states[:, :rank] = left[:, :rank] * np.sign(peaks) * np.sqrt(samples)

    transition = _ridge(states[:-1], states[1:]) if samples > 1 else np.zeros((latents, latents))
    transition = _stable(transition)
    innovation = states[1:] - states[:-1] @ transition.T
    state_noise = innovation.T @ innovation / max(samples - 1, 1) + 1e-3 * np.eye(latents)
    loadings = _ridge(states, filled)
    residual = np.var(filled - states @ loadings.T, axis=0)
    noise = np.maximum(residual, _NOISE_SHARE * np.var(filled, axis=0))
    return System(
        A=transition,
        C=loadings,
        Q=state_noise,
        R=np.diag(noise),
        m0=np.zeros(latents),
        V0=np.eye(latents),
        d=np.zeros(channels),
    )


def random(y: Array, latents: int, seed: int) -> System:
    """Draw slowly decaying states with random loadings of the size of `y` (T, N), centred."""
    channels = y.shape[1]
    rng = np.random.default_rng(seed)
    rotation, upper = np.linalg.qr(rng.standard_normal((latents, latents)))
    variance = np.nanvar(y, axis=0)
    return System(
        A=_GUESS_RADIUS * rotation * np.sign(np.diagonal(upper)),
        C=rng.standard_normal((channels, latents)) * np.sqrt(variance / (2 * latents))[:, None],
        Q=(1 - _GUESS_RADIUS**2) * np.eye(latents),
        R=np.diag(variance / 2),
        m0=np.zeros(latents),
        V0=np.eye(latents),
        d=np.zeros(channels),
    )


def _interpolated(y: Array) -> Array:
    filled = y.copy()
    time = np.arange(len(y))
    for channel in filled.T:
        missing = np.isnan(channel)
        if missing.any():
            channel[missing] = np.interp(time[missing], time[~missing], channel[~missing])
    return filled


def _ridge(inputs: Array, outputs: Array) -> Array:
    """Return the slope of a regression with a slight ridge, so that short data have one too."""
    gram = inputs.T @ inputs
    gram += 1e-6 * (np.trace(gram) / len(gram) + 1e-12) * np.eye(len(gram))
    slope: Array = np.linalg.solve(gram, inputs.T @ outputs).T
    return slope


def _stable(transition: Array) -> Array:
    radius = float(np.max(np.abs(np.linalg.eigvals(transition))))
    return transition * (_RADIUS / radius) if radius > _RADIUS else transition
