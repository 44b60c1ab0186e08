"""Make the sources of behavenet-psvae importable, and small recordings for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "behavenet-psvae" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "behavenet-psvae" / "src"))


def recording(**changes):
    """A sound recording, with some arrays replaced; None leaves one out."""
    rng = np.random.default_rng(0)
    arrays = {
        "frames": rng.integers(0, 255, (80, 16, 24), dtype=np.uint8),
        "labels": rng.normal(size=(80, 2)),
        "label_names": np.array(["x_px", "y_px"]),
        "held_out": np.arange(80) % 4 == 3,
    }
    return {key: value for key, value in {**arrays, **changes}.items() if value is not None}


def run(folder, content, *, config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from psvae.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    (inputs / "dataset").mkdir(parents=True, exist_ok=True)
    outputs.mkdir(exist_ok=True)
    path = inputs / "dataset" / "video.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.savez(path, **content)
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": "dataset/video.npz",
        "parameters": parameters,
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
