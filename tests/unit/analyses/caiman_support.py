"""Make the sources of caiman importable, and small movies and runs for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "caiman" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "caiman" / "src"))

RATE, DECAY = 10.0, 0.8  # Hz, s
PLACES = ((6, 6), (6, 17), (17, 6), (17, 16), (12, 12))


def calcium(rng, cells, frames, decay=None, rate_hz=0.4):
    """Calcium and spikes (K, T)."""
    decay = np.exp(-1 / (RATE * DECAY)) if decay is None else decay
    spikes = (rng.random((cells, frames)) < rate_hz / RATE) * rng.uniform(0.7, 1.5, (cells, frames))
    traces = np.zeros((cells, frames))
    for t in range(frames):
        traces[:, t] = spikes[:, t] + (decay * traces[:, t - 1] if t else 0)
    return traces, spikes


def movie(seed=0, *, frames=300, side=24, places=PLACES, noise=3.0):
    """Arrays of a dataset, and footprints (K, H, W), calcium (K, T) and spikes (K, T) of its cells."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    images = np.array([
        np.exp(-(((rows - r) ** 2 + (columns - c) ** 2) / 5.0)) for r, c in places
    ]).reshape(-1, side, side)  # fmt: skip
    images[images < 0.05] = 0
    traces, spikes = calcium(rng, len(places), frames)
    light = 50 + 0.3 * rows + 2 * np.sin(np.arange(frames) / 40)[:, None, None]
    light = light + np.einsum("kij,kt->tij", 20 * images, traces)
    frames_ = light + noise * rng.normal(size=light.shape)
    data = {"movie": frames_.astype(np.float32), "frame_rate": np.array(RATE)}
    return data, (images, traces, spikes)


def run(folder, arrays, *, name="cells.npz", config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from cnmf.app import main

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
        "parameters": {"components": 7, "cell_radius": 2.5, "max_shift": 0} | parameters,
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs


def solve(arrays, **parameters):
    """The fit of a movie, without files."""
    from cnmf.fit import analyse
    from cnmf.settings import Settings

    asked = Settings("", **({"components": 7, "cell_radius": 2.5, "max_shift": 0} | parameters))
    return analyse(arrays["movie"], RATE, asked, lambda share, text: None)
