"""Make the sources of the widefield chain importable, and small recordings for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT
from scipy import ndimage

PREPROCESS = ROOT / "iae/widefield-preprocess"
DEMIX = ROOT / "iae/widefield-locanmf"
TABLE = ROOT / "iae/sweep-table"
for _folder in (PREPROCESS, DEMIX, TABLE):
    sys.path.append(str(_folder / "src"))


def scene(rng, size=32):
    """An image with edges like those of vessels, of a mean near 1."""
    rough = ndimage.gaussian_filter(rng.normal(size=(size, size)), 1.2)
    return 1 + 0.25 * rough / rough.std()


def recording(seed=0, *, frames=96, size=24, **changes):
    """Arrays of a still recording with four regions, blood at both wavelengths and calcium at one."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    half = size // 2
    atlas = 1 + (rows >= half) * 2 + (columns >= half)
    blood = 0.02 * ndimage.gaussian_filter1d(rng.normal(size=frames), 6) / 0.2
    light = 2000 * scene(rng, size)
    calcium = np.zeros((frames, size, size))
    for label in range(1, 5):
        middle = np.argwhere(atlas == label).mean(axis=0)
        blob = np.exp(-((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2) / 10)
        course = ndimage.gaussian_filter1d(rng.normal(size=frames), 1.5)
        calcium += np.multiply.outer(0.04 * course / course.std(), blob)
    films = (light * (1 + calcium) * (1 - blood[:, None, None]), light * (1 - blood[:, None, None]))
    movie = rng.poisson(np.stack(films, axis=1)).astype(np.uint16)
    arrays = {
        "movie": movie,
        "wavelengths": np.array([470.0, 405.0]),
        "frame_rate": np.array(20.0),
        "atlas": atlas.astype(np.int16),
    }
    return {**arrays, **changes}


def run(folder, arrays, *, name="brain.npz", config=None, **parameters):
    """Lay out /inputs in `folder` and run the first half; answers (exit code, outputs folder)."""
    from widefield.app import main

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


def demix(folder, preprocessed, **parameters):
    """Run the second half on the outputs of the first; answers (exit code, outputs folder)."""
    import shutil

    from widefield_locanmf.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    outputs.mkdir(parents=True)
    shutil.copytree(preprocessed, inputs / "steps/preprocess")
    document = {"schema": "neurocaas/config/v1", "dataset": None, "parameters": parameters}
    (inputs / "config.yaml").write_text(json.dumps(document))
    return main(inputs, outputs), outputs
