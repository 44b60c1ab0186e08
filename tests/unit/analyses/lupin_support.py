"""Make the sources around the sorter importable (not the sorter itself), and recordings for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "spikeinterface-lupin" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "spikeinterface-lupin" / "src"))

RATE = 10_000.0
PLACES = np.array([(20.0 * (k % 2), 25.0 * (k // 2)) for k in range(6)])


def recording(seed=0, *, seconds=6.0, gain=0.5):
    """Arrays of a dataset with two units on channels 1 and 4, and the samples of their spikes."""
    rng = np.random.default_rng(seed)
    traces = 5.0 * rng.normal(size=(int(seconds * RATE), 6))
    wave = -80 * np.exp(-(((np.arange(-10, 11)) / 3.0) ** 2))
    truth = []
    for channel, scale in ((1, 1.0), (4, 0.5)):
        spikes = np.cumsum(rng.integers(60, 900, 200))
        spikes = spikes[(spikes > 50) & (spikes < len(traces) - 50)]
        for at in spikes:
            traces[at - 10 : at + 11, channel] += scale * wave
            traces[at - 10 : at + 11, channel - 1] += 0.4 * scale * wave
        truth.append(spikes)
    data = {
        "traces": np.rint(traces / gain).astype(np.int16),
        "sampling_frequency": np.array(RATE),
        "locations_um": PLACES,
        "gain_uv": np.array(gain),
    }
    return data, truth


def run(folder, arrays, *, name="probe.npz", config=None, **parameters):
    """Lay out /inputs in `folder` and run the sorter; answers (exit code, outputs folder)."""
    from lupin_sorting.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    (inputs / "dataset").mkdir(parents=True, exist_ok=True)
    outputs.mkdir(exist_ok=True)
    if isinstance(arrays, bytes):
        (inputs / "dataset" / name).write_bytes(arrays)
    elif arrays is not None:
        np.savez(inputs / "dataset" / name, **arrays)
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": f"dataset/{name}",
        "parameters": {"freq_max": 4000} | parameters,
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
