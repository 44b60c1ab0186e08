"""Make the sources of locanmf importable, and small movies and runs for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "locanmf" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "locanmf" / "src"))


def movie(seed=0, *, ranks=(1, 2, 1, 1), frames=80):
    """U (16, 16, K), V (K, T), an atlas of four quarters and the true courses with their regions."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    atlas = 1 + (rows >= 8) * 2 + (columns >= 8)
    images, owners = [], []
    for label, rank in enumerate(ranks, 1):
        row, column = 4 + 8 * ((label - 1) // 2), 4 + 8 * ((label - 1) % 2)
        for away in ((0.0,), (-2.5, 2.5))[rank - 1]:
            far = (rows - row + away) ** 2 + (columns - column - away) ** 2
            images.append(np.where(far < 30, np.exp(-far / 4.0), 0.0))
            owners.append(label)
    courses = rng.normal(size=(len(images), frames))
    return np.stack(images, axis=2), courses, atlas, np.array(owners)


def run(folder, arrays, *, name="movie.npz", config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from locanmf.app import main

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
        "parameters": parameters,
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
