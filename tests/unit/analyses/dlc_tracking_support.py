"""Make the sources of dlc-tracking importable, and tracks, files and runs for its tests."""

import json
import sys

import numpy as np
from analyses_support import ROOT

IAE = ROOT / "iae" / "dlc-tracking"
SAMPLE = IAE / "sample"
sys.path.insert(0, str(IAE / "src"))

SHAPE = np.array([[40.0, 0.0], [25.0, 12.0], [25.0, -12.0], [-30.0, 0.0]])
PARTS = ("nose", "leftear", "rightear", "tailbase")
LENGTH = 70.0  # pixels from nose to tailbase


def walk(rate, stops, duration, *, speed=2.0):
    """Positions (T, 4, 2) of an animal on a circle that rests during `stops`, [(onset, offset)] s.

    `speed` is body lengths per second; the path is the same function of time at every frame rate.
    """
    time = np.arange(round(duration * rate)) / rate
    rested = sum((np.clip(time, a, b) - a for a, b in stops), np.zeros_like(time))
    turned = (time - rested) * speed * LENGTH / 150.0
    centre = 200 + 150 * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    ahead = np.stack([-np.sin(turned), np.cos(turned)], axis=1)
    left = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    return np.stack([centre + a * ahead + b * left for a, b in SHAPE], axis=1)


def table(xy, likelihood=None, parts=PARTS, first=0):
    """The CSV that DeepLabCut writes for positions (T, K, 2); likelihoods are 0.99 without any."""
    likelihood = np.full(xy.shape[:2], 0.99) if likelihood is None else likelihood
    lines = [
        ",".join(["scorer"] + ["DLC_net"] * 3 * len(parts)),
        ",".join(["bodyparts"] + [part for part in parts for _ in range(3)]),
        ",".join(["coords"] + ["x", "y", "likelihood"] * len(parts)),
    ]
    for frame, (places, sure) in enumerate(zip(xy, likelihood, strict=True), first):
        cells = [f"{x!r},{y!r},{p!r}" for (x, y), p in zip(places.tolist(), sure, strict=True)]
        lines.append(f"{frame},{','.join(cells)}".replace("np.float64(", "").replace(")", ""))
    return "\n".join(lines) + "\n"


def run(folder, content, *, name="mouse.csv", config=None, **parameters):
    """Lay out /inputs in `folder` and run the analysis; answers (exit code, outputs folder)."""
    from dlc_tracking.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    (inputs / "dataset").mkdir(parents=True, exist_ok=True)
    outputs.mkdir(exist_ok=True)
    if content is not None:
        data = content if isinstance(content, bytes) else content.encode()
        (inputs / "dataset" / name).write_bytes(data)
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": f"dataset/{name}",
        "parameters": {"frame_rate": 25, **parameters},
        "replica": None,
    }
    text = json.dumps(document) if config is None else config
    (inputs / "config.yaml").write_text(text, encoding="utf-8")
    return main(inputs, outputs), outputs


def freezing(xy, rate, *, likelihood=None, parts=PARTS, **parameters):
    """Run the analysis in memory; answers its result."""
    from dlc_tracking.analysis import analyse
    from dlc_tracking.settings import Settings
    from dlc_tracking.tracks import Tracks

    likelihood = np.full(xy.shape[:2], 0.99) if likelihood is None else likelihood
    settings = Settings("mouse.csv", rate, **parameters)
    return analyse(Tracks(tuple(parts), xy, likelihood), settings, "mouse.csv")
