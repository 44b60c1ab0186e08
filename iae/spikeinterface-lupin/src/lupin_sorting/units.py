"""What the units look like: mean waveforms, amplitudes, places, and how often they break the rules."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfiltfilt

from lupin_sorting.recording import Array, Recording

_BEFORE_S, _AFTER_S = 0.001, 0.002
_MOST = 500  # spikes of a unit that a mean waveform is taken of
_REFRACTORY_S = 0.0015
_MAD = 0.6744897501960817  # of a standard normal variable


class Units(NamedTuple):
    """Per unit (K,): mean waveform (K, S, C) in uV, its channel and place (um), and numbers.

    `amplitude` is the largest deflection in uV, `snr` that over the noise of the channel; `rate` is in
    Hz; `violations` is the share of intervals below 1.5 ms. `before` is where a spike lies in S samples.
    """

    waveforms: Array
    channel: Array
    place: Array
    amplitude: Array
    snr: Array
    spikes: Array
    rate: Array
    violations: Array
    noise: Array
    before: int


def describe(
    recording: Recording, samples: Array, units: Array, count: int, band: tuple[float, float]
) -> Units:
    """Return what `count` units with spikes at `samples` of `units` look like within a band in Hz."""
    rate, channels = recording.rate, recording.traces.shape[1]
    before, after = int(_BEFORE_S * rate), int(_AFTER_S * rate)
    window = np.arange(-before, after + 1)
    chosen = []
    for unit in range(count):
        own = samples[units == unit]
        own = own[(own >= before) & (own + after < len(recording.traces))]
        # Evenly over time: no drawing at random is needed.
        picked = np.unique(np.linspace(0, len(own) - 1, _MOST).astype(int)) if len(own) else []
        chosen.append(own[picked])
    waveforms = np.zeros((count, len(window), channels))
    noise = np.zeros(channels)
    # Channel by channel: a filtered copy of the whole may not fit.
    for channel in range(channels):
        trace, noise[channel] = _filtered(recording, channel, band)
        for unit, own in enumerate(chosen):
            if len(own):
                waveforms[unit, :, channel] = trace[own[:, None] + window].mean(axis=0)
    peaks = np.abs(waveforms).max(axis=1)
    channel = peaks.argmax(axis=1) if count else np.zeros(0, dtype=np.int64)
    amplitude = peaks[np.arange(count), channel]
    weights = peaks**2
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    spikes = np.bincount(units, minlength=count)[:count]
    violations = np.array(
        [_violations(samples[units == unit], _REFRACTORY_S * rate) for unit in range(count)]
    )
    return Units(
        waveforms, channel, weights @ recording.locations / total, amplitude,
        amplitude / np.where(noise > 0, noise, 1.0)[channel], spikes, spikes / recording.seconds,
        violations.reshape(-1), noise, before,
    )  # fmt: skip


def standing_out(recording: Recording, band: tuple[float, float], levels: float) -> int:
    """Count how often, on all channels, a trace within a band in Hz leaves `levels` of noise."""
    count = 0
    for channel in range(recording.traces.shape[1]):
        trace, noise = _filtered(recording, channel, band)
        out = np.abs(trace) > levels * noise
        count += int(out[0]) + int(np.count_nonzero(out[1:] & ~out[:-1]))
    return count


def _filtered(recording: Recording, channel: int, band: tuple[float, float]) -> tuple[Array, float]:
    """Return the trace of a channel within a band, and its noise, both in uV."""
    filtering = butter(2, band, btype="bandpass", fs=recording.rate, output="sos")
    trace = recording.traces[:, channel].astype(np.float64) * recording.gain
    trace = sosfiltfilt(filtering, trace)
    return trace, float(np.median(np.abs(trace - np.median(trace))) / _MAD)


def _violations(samples: Array, least: float) -> float:
    intervals = np.diff(samples)
    return float(np.mean(intervals < least)) if len(intervals) else 0.0
