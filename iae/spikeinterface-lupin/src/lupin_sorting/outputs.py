"""Write the results: spikes for programs, a table of units, numbers for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lupin_sorting.recording import Array, Recording
from lupin_sorting.units import Units

_DIGITS = 6


def write(
    folder: Path, recording: Recording, samples: Array, labels: Array, units: Units
) -> Mapping[str, Any]:
    """Write spikes.npz, units.csv and metrics.json; return the metrics."""
    count = len(units.spikes)
    # The first five are what spikeinterface.extractors.read_npz_sorting asks for.
    np.savez(
        folder / "spikes.npz",
        unit_ids=np.arange(count, dtype=np.int64),
        num_segment=np.array([1], dtype=np.int64),
        sampling_frequency=np.array([recording.rate]),
        spike_indexes_seg0=samples,
        spike_labels_seg0=labels,
        waveforms_uv=units.waveforms.astype(np.float32),
        waveform_peak_sample=np.array(units.before, dtype=np.int64),
        noise_uv=units.noise,
        locations_um=recording.locations,
    )
    lines = ["unit,spikes,rate_hz,channel,x_um,y_um,amplitude_uv,snr,intervals_below_1.5_ms"]
    lines += [
        f"{k},{units.spikes[k]},{units.rate[k]:.3f},{units.channel[k]},{units.place[k, 0]:.2f},"
        f"{units.place[k, 1]:.2f},{units.amplitude[k]:.2f},{units.snr[k]:.3f},"
        f"{units.violations[k]:.5f}"
        for k in range(count)
    ]
    (folder / "units.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    metrics = {
        "seconds": _rounded(recording.seconds),
        "channels": recording.traces.shape[1],
        "sampling_frequency_hz": recording.rate,
        "units": count,
        "spikes": len(samples),
        "noise_uv_median": _rounded(float(np.median(units.noise))),
        "median": {
            name: _rounded(float(np.median(values))) if count else None
            for name, values in (
                ("rate_hz", units.rate),
                ("amplitude_uv", units.amplitude),
                ("snr", units.snr),
                ("intervals_below_1.5_ms", units.violations),
            )
        },
    }
    text = json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    return metrics


def _rounded(value: float) -> float:
    """Keep the digits that do not depend on the processor, so that equal results read equal."""
    return float(f"{value:.{_DIGITS}g}")
