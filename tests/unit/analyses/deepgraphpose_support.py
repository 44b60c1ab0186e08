"""Make the sources of the tracker and of its consensus importable, and lay out small inputs; PyTorch is in the image only."""

import json
import sys

import numpy as np
from analyses_support import ROOT

TRACKER, CONSENSUS = (ROOT / "iae" / name / "sample" for name in ("deepgraphpose", "dgp-consensus"))
for _folder in (TRACKER, CONSENSUS):
    sys.path.insert(0, str(_folder.parent / "src"))


def recording(**changes):
    """The arrays of a small video with five labelled frames; None takes one away."""
    rng = np.random.default_rng(0)
    arrays = {
        "frames": rng.integers(0, 255, (12, 24, 32), dtype=np.uint8),
        "labels": rng.uniform(2, 20, (5, 2, 2)),
        "label_frames": np.array([0, 2, 5, 7, 11]),
        "held_out": np.array([False, False, True, False, False]),
        "bodyparts": np.array(["paw", "nose"]),
        "skeleton": np.array([[0, 1]]),
        "frame_rate_hz": np.array(25.0),
    }
    arrays |= changes
    return {name: value for name, value in arrays.items() if value is not None}


def run(folder, content, *, name="video.npz", config=None, replica=None, **parameters):
    """Lay out /inputs in `folder` and run the tracker; answers (exit code, outputs folder)."""
    from deepgraphpose.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    (inputs / "dataset").mkdir(parents=True, exist_ok=True)
    outputs.mkdir(exist_ok=True)
    if isinstance(content, bytes):
        (inputs / "dataset" / name).write_bytes(content)
    elif content is not None:
        with (inputs / "dataset" / name).open("wb") as file:
            np.savez(file, **content)
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": f"dataset/{name}",
        "parameters": parameters,
        "replica": replica,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
