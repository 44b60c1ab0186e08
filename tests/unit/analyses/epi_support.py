"""Make the sources of epi importable, and small runs for its tests."""

import json
import subprocess
import sys

from analyses_support import ROOT

from neurocaas_ci.build.environment import environment
from neurocaas_ci.build.locks import parse_requirements_lock
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

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


def run_sample(outputs):
    """Run the analysis on its sample as in its image, where numpy computes alike on every processor.

    A training goes another way where it does not, as much as with another seed.
    """
    lock = ROOT / "iae/epi/requirements.lock"
    variables = environment(
        Registry(FolderTree(ROOT)).iae("epi").value,
        parse_requirements_lock(lock.read_bytes(), "epi"),
    )
    command = "import sys; from epi.app import main; from pathlib import Path; sys.exit(main(*map(Path, sys.argv[1:])))"
    subprocess.run(
        [sys.executable, "-c", command, SAMPLE, outputs],
        env={**variables, "PYTHONPATH": str(ROOT / "iae/epi/src")},
        check=True,
        timeout=100,
    )
