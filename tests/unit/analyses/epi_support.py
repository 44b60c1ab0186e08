"""Make the sources of epi importable, and small runs for its tests."""

import json
import sys

from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "epi" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "epi" / "src"))

QUESTION = json.loads((SAMPLE / "dataset/oscillation.json").read_text())
SHORT = {"epochs": 1, "steps": 3, "batch": 20, "samples": 100, "layers": 2, "units": 4}


def run(folder, content, *, name="property.json", config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from epi.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    (inputs / "dataset").mkdir(parents=True, exist_ok=True)
    outputs.mkdir(exist_ok=True)
    if isinstance(content, bytes):
        (inputs / "dataset" / name).write_bytes(content)
    elif content is not None:
        (inputs / "dataset" / name).write_text(json.dumps(content))
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": f"dataset/{name}",
        "parameters": parameters,
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
