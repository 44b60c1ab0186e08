"""Make the sample: a simulated extracellular recording of twelve units on 32 channels, with their spikes.

    python generate.py

writes dataset/probe.npz (what the analysis gets) and truth.npz (the spikes that it should find). Needs
spikeinterface 0.105.3, whose generator of ground truth it uses, with scipy; the same bytes every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import spikeinterface.core as si

_SEED = 0
_SECONDS, _RATE_HZ = 12.0, 20_000.0
_CHANNELS, _UNITS = 32, 12
_NOISE_UV = 8.0
_STEP_UV = 4.0  # of the digitizer: half of the noise, so that the file stays small


def main() -> None:
    """Write the two files beside this script."""
    from spikeinterface.generation import generate_ground_truth_recording

    recording, sorting = generate_ground_truth_recording(
        durations=[_SECONDS],
        sampling_frequency=_RATE_HZ,
        num_channels=_CHANNELS,
        num_units=_UNITS,
        generate_sorting_kwargs={"firing_rates": (5.0, 25.0), "refractory_period_ms": 3.0},
        noise_kwargs={"noise_levels": _NOISE_UV, "strategy": "on_the_fly"},
        generate_unit_locations_kwargs={
            "margin_um": 5.0,
            "minimum_z": 5.0,
            "maximum_z": 30.0,
            "minimum_distance": 18.0,
        },
        seed=_SEED,
    )
    si.set_global_job_kwargs(n_jobs=1, progress_bar=False)
    traces = np.rint(recording.get_traces() / _STEP_UV).astype(np.int16)
    spikes = sorting.to_spike_vector()
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    np.savez_compressed(
        here / "dataset" / "probe.npz",
        traces=traces,
        sampling_frequency=np.array(_RATE_HZ),
        locations_um=recording.get_channel_locations()[:, :2],
        gain_uv=np.array(_STEP_UV),
    )
    np.savez_compressed(
        here / "truth.npz",
        samples=spikes["sample_index"].astype(np.int64),
        units=spikes["unit_index"].astype(np.int16),
    )


if __name__ == "__main__":
    main()
