"""Make the sources of DeepLabCut's workflow importable, and lay out small projects; DeepLabCut is in the image only."""

import io
import json
import struct
import sys
import zipfile
import zlib

from analyses_support import ROOT

SAMPLE = ROOT / "iae/deeplabcut/sample"
sys.path.insert(0, str(SAMPLE.parent / "src"))

FOLDER = "labeled-data/cage"
TABLE = f"{FOLDER}/CollectedData_ada.csv"
VIDEO = "videos/cage.avi"
FRAMES = 10
REQUIRED = {"backbone": "resnet18", "epochs": 60, "label_radius_px": 10, "rotation_deg": 30}


def png(width=48, height=40):
    """A black picture."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress((b"\0" + bytes(width)) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def table(rows=None, *, lead=3, heads=None):
    """CollectedData of two parts; `rows` replaces cells (x, y of paw, x, y of nose) of single frames."""
    empty = [""] * (lead - 1)
    parts = ["paw", "paw", "nose", "nose"]
    lines = heads or [
        ["scorer", *empty, *["ada"] * 4],
        ["bodyparts", *empty, *parts],
        ["coords", *empty, *["x", "y"] * 2],
    ]
    for frame in range(FRAMES):
        cells = (rows or {}).get(frame, [5.5 + frame, 6, 20, 30 - frame])
        place = ["labeled-data", "cage", f"img{frame}.png"]
        lines = [*lines, [*(place if lead == 3 else ["/".join(place)]), *cells]]
    return "\n".join(",".join(map(str, line)) for line in lines) + "\n"


def project(**changes):
    """Files of a small project by name; keyword `text` replaces its table, other ones are in `more` (None takes away)."""
    files = {f"{FOLDER}/img{frame}.png": png() for frame in range(FRAMES)}
    files |= {TABLE: changes.get("text", table()), VIDEO: b"RIFF", "config.yaml": "Task: cage\n"}
    files |= changes.get("more", {})
    return {name: data for name, data in files.items() if data is not None}


def zipped(files, prefix="cage-ada/"):
    """The bytes of an archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else prefix + name, data)
    return target.getvalue()


def run(folder, content, *, name="project.zip", config=None, **parameters):
    """Lay out /inputs in `folder` and run the workflow; answers (exit code, outputs folder)."""
    from dlc_training.app import main

    inputs, outputs = folder / "inputs", folder / "outputs"
    (inputs / "dataset").mkdir(parents=True, exist_ok=True)
    outputs.mkdir(exist_ok=True)
    if content is not None:
        (inputs / "dataset" / name).write_bytes(content)
    document = {
        "schema": "neurocaas/config/v1",
        "dataset": f"dataset/{name}",
        "parameters": {**REQUIRED, **parameters},
        "replica": None,
    }
    (inputs / "config.yaml").write_text(json.dumps(document) if config is None else config)
    return main(inputs, outputs), outputs
