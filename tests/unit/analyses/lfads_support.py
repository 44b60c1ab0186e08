"""Make the sources of lfads importable, and lay out small inputs; PyTorch is in its image only."""

import json
import sys

import numpy as np
from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "lfads" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "lfads" / "src"))


def run(folder, content, *, name="spikes.npz", config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from lfads.app import main

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
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
