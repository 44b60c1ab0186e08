"""The analysis itself: settings and a recording become a fit, its states and its held-out score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kalman_smoother import initial
from kalman_smoother.em import Fit, fit
from kalman_smoother.evidence import observe
from kalman_smoother.heldout import Score, held_out_rows, score
from kalman_smoother.inference import Filtered, Smoothed, kalman_filter, smooth
from kalman_smoother.recording import Recording
from kalman_smoother.refusal import Refusal
from kalman_smoother.settings import Settings
from kalman_smoother.system import Array, System

_LARGEST_WORK = 3e7
"""Numbers per sample times samples; measured at 40 to 90 bytes each, less than 3 GB in all."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that is written out, in the units of the recording.

    `signal` and `signal_sd` (T, N) are the posterior of the noise-free observations C x + d given
    all samples, the held-out ones included; `rows` are the held-out samples.
    """

    fit: Fit
    filtered: Filtered
    smoothed: Smoothed
    signal: Array
    signal_sd: Array
    rows: NDArray[np.bool_]
    score: Score | None
    log_likelihood: float

    @property
    def system(self) -> System:
        """Return the fitted parameters."""
        return self.fit.system


def analyse(
    recording: Recording, settings: Settings, progress: Callable[[int, float], None]
) -> Analysis:
    """Fit on the samples that are not held out, then smooth all of them with the fit.

    Raise Refusal when the recording is too short or too flat for what is asked.
    """
    y = recording.y
    rows = held_out_rows(y, settings)
    training = np.where(rows[:, None], np.nan, y)
    start, offset, scale = _start(recording, training, settings)
    standard = (y - offset) / scale
    data = observe((training - offset) / scale)
    fitted = fit(
        data,
        start,
        iterations=settings.em_iterations,
        tolerance=settings.tolerance,
        full_noise=settings.observation_noise == "full",
        variance=_variance((training - offset) / scale),
        progress=progress,
    )
    system = fitted.system
    held_out = score(standard, rows, system, data)
    if settings.initialisation != "dataset":
        system = _canonical(system, smooth(kalman_filter(observe(standard), system), system))
    system = system.in_units(scale, offset)
    everything = observe(y)
    filtered = kalman_filter(everything, system)
    smoothed = smooth(filtered, system)
    spread = np.einsum("ni,tij,nj->tn", system.C, smoothed.covariance, system.C)
    # A density per unit of the recording, not per standardised unit.
    jacobian = -float(np.sum(np.log(scale) * np.sum(~np.isnan(training), axis=0)))
    hidden = -float(np.sum(np.log(scale) * np.sum(~np.isnan(y[rows]), axis=0)))
    trace = tuple(value + jacobian for value in fitted.log_likelihood)
    return Analysis(
        fit=Fit(system, trace, fitted.converged),
        filtered=filtered,
        smoothed=smoothed,
        signal=smoothed.mean @ system.C.T + system.d,
        signal_sd=np.sqrt(np.maximum(spread, 0.0)),
        rows=rows,
        score=held_out
        and Score(
            held_out.samples, held_out.values, held_out.lds + hidden, held_out.white_noise + hidden
        ),
        log_likelihood=float(np.sum(filtered.log_likelihood)),
    )


def _start(
    recording: Recording, training: Array, settings: Settings
) -> tuple[System, Array, Array]:
    """Return the first parameters and the offset and scale (N,) of the channels they are for."""
    samples, channels = training.shape
    if settings.initialisation == "dataset":
        if recording.system is None:
            raise Refusal(
                "initialisation is dataset, but the dataset carries no A, C, Q, R, m0, V0"
            )
        _affordable(samples, channels, recording.system.latents)
        return recording.system, np.zeros(channels), np.ones(channels)
    latents = settings.latent_dimension
    _affordable(samples, channels, latents)
    usable = int(np.sum(~np.all(np.isnan(training), axis=1)))
    if latents > usable:
        raise Refusal(
            f"latent_dimension {latents} is too many for {usable} samples to fit; "
            f"choose at most {usable}"
        )
    variance = _variance(training)
    flat = np.flatnonzero(~(variance > 0))
    if len(flat):
        raise Refusal(
            f"channel {recording.channels[flat[0]]!r} never changes in the samples to fit; remove it"
        )
    offset = np.nanmean(training, axis=0)
    scale = np.sqrt(variance)
    if not settings.standardize:
        scale = np.full(channels, np.sqrt(np.mean(variance)))
    begin = initial.random if settings.initialisation == "random" else initial.subspace
    return begin((training - offset) / scale, latents, settings.seed), offset, scale


def _variance(y: Array) -> Array:
    """Return the variance of every channel; 0 where fewer than two samples are left."""
    seen = np.sum(~np.isnan(y), axis=0)
    variance = np.zeros(y.shape[1])
    some = seen > 1
    if some.any():
        variance[some] = np.nanvar(y[:, some], axis=0)
    # Rounding gives a constant channel a variance of its last digit.
    largest = np.nanmax(np.abs(y), axis=0, initial=0.0)
    return np.where(variance > (1e-12 * largest) ** 2, variance, 0.0)


def _affordable(samples: int, channels: int, latents: int) -> None:
    each = latents**2 + 4 * latents + 2 * channels
    if samples * each > _LARGEST_WORK:
        raise Refusal(
            f"{samples} samples with {latents} latents do not fit into memory; "
            f"give at most {int(_LARGEST_WORK / each)} samples or fewer latents"
        )


def _canonical(system: System, smoothed: Smoothed) -> System:
    """Choose the basis of the latents, which the likelihood leaves open.

    They become uncorrelated with unit variance, the one that explains most of the recording first,
    each with its largest loading positive.
    """
    centred = smoothed.mean - smoothed.mean.mean(axis=0)
    covariance = (centred.T @ centred + smoothed.covariance.sum(axis=0)) / len(centred)
    root = np.linalg.cholesky(covariance)
    _, _, axes = np.linalg.svd(system.C @ root, full_matrices=True)
    change = axes @ np.linalg.inv(root)
    loadings = system.C @ np.linalg.inv(change)
    largest = loadings[np.argmax(np.abs(loadings), axis=0), np.arange(system.latents)]
    return system.in_basis(np.where(largest < 0, -1.0, 1.0)[:, None] * change)
