"""Make the sources of bardensr importable, and small image stacks and runs for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT

SAMPLE = ROOT / "iae" / "bardensr" / "sample"
sys.path.insert(0, str(ROOT / "iae" / "bardensr" / "src"))

SIGMA = 1.3


def codebook(rng, barcodes=9, rounds=4, channels=3):
    """Barcodes (J, R, C) that differ in at least two rounds."""
    chosen = []
    while len(chosen) < barcodes:
        new = rng.integers(0, channels, rounds)
        if all(np.sum(new != old) >= 2 for old in chosen):
            chosen.append(new)
    return (np.array(chosen)[:, :, None] == np.arange(channels)).astype(np.uint8)


def stack(seed=0, *, spots=14, side=24, noise=0.05, seen=None):
    """Arrays of a dataset, with places (n, 2), barcodes (n,) and intensities (n,) of its spots.

    `seen` turns the codebook (R, C, J) into what the camera sees of it.
    """
    rng = np.random.default_rng(seed)
    codes = codebook(rng)
    look = codes.transpose(1, 2, 0).astype(float)
    look = look if seen is None else seen(look)
    places, genes = np.zeros((0, 2)), np.zeros(0, dtype=int)
    while len(places) < spots:
        place, gene = rng.uniform(3, side - 4, 2), rng.integers(0, len(codes) - 2)
        # Two spots of one gene that touch are one: only those of different genes may.
        if all(np.linalg.norm(places[genes == gene] - place, axis=1) > 5):
            places, genes = np.vstack([places, place]), np.append(genes, gene)
    strengths = rng.uniform(0.7, 1.3, spots)
    axis = np.arange(side)
    down, across = (np.exp(-((axis - places[:, [k]]) ** 2) / (2 * SIGMA**2)) for k in (0, 1))
    images = np.tensordot(look[:, :, genes] * strengths, down[:, :, None] * across[:, None], axes=1)
    images = images + 0.3 + noise * rng.normal(size=images.shape)
    unused = np.arange(len(codes)) >= len(codes) - 2
    return {"images": images, "codebook": codes, "unused": unused}, (places, genes, strengths)


def run(folder, arrays, *, name="tissue.npz", config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from bardensr.app import main

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


def solve(folder, arrays, **parameters):
    """What `run` writes, without the picture, which takes longer than small stacks."""
    from bardensr import outputs
    from bardensr import stack as stacks
    from bardensr.fit import analyse
    from bardensr.optics import Blur
    from bardensr.settings import Settings
    from bardensr.spots import cut, find

    folder.mkdir(exist_ok=True)
    np.savez(folder / "tissue.npz", **arrays)
    data, asked = stacks.read(folder / "tissue.npz"), Settings("", **parameters)
    fit = analyse(data.images, data.codebook, asked, lambda share, text: None)
    spots = find(fit, Blur(asked.psf_sigma), asked.minimum_distance)
    threshold = cut(spots, data.unused, asked.minimum_score, asked.false_discovery_rate)
    outputs.write(folder, data, fit, spots, threshold)
    return folder
