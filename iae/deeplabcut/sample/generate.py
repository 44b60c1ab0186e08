"""Make the sample: a DeepLabCut project with a video of a mouse from above, and where its parts really were.

    python generate.py

writes dataset/mouse.zip (what the analysis gets: a video, labelled frames as PNG with CollectedData) and truth.npz
(positions in all frames). Needs numpy. Dark spots on the floor look like ears and the two ears look alike. The video
is an AVI of uncompressed grey values, so that what is decoded follows from the file alone.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

_SEED = 20_261_130
_FRAMES, _SIDE = 200, 64
_EVERY = 3  # one frame in so many is labelled
_RATE = 30  # frames a second
_NOISE = 6.0  # grey values
_PARTS = ("nose", "left_ear", "right_ear", "tail_base")
_SCORER, _VIDEO = "ada", "openfield"
_UNIT = _SIDE / 96  # pixels a millimetre
_ROWS, _COLUMNS = np.mgrid[0:_SIDE, 0:_SIDE].astype(np.float64)
_STAMP = (2026, 1, 1, 0, 0, 0)
_CONFIG = """\
Task: openfield
scorer: {scorer}
date: Jan1
multianimalproject: false
engine: pytorch
video_sets:
  videos/{video}.avi:
    crop: 0, {side}, 0, {side}
bodyparts:
{parts}
"""


def _walk(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return places of the body (frames, 2) in pixels and headings (frames,) in radians."""
    middle = np.full(2, _SIDE / 2)
    place, heading, speed, turn = middle.copy(), rng.uniform(0, 2 * np.pi), 0.0, 0.0
    places, headings = [], []
    for _ in range(_FRAMES):
        turn = 0.85 * turn + 0.05 * rng.normal()
        speed = float(np.clip(0.9 * speed + 0.35 * rng.normal() + 0.15, 0, 2.5))
        home = middle - place
        if np.hypot(*home) > 0.28 * _SIDE:  # near the wall it turns
            turn += 0.06 * np.sign(np.sin(np.arctan2(home[1], home[0]) - heading))
        heading += turn
        step = speed * _UNIT * np.array([np.cos(heading), np.sin(heading)])
        place = np.clip(place + step, 0.22 * _SIDE, 0.78 * _SIDE)
        places.append(place.copy())
        headings.append(heading)
    return np.array(places), np.array(headings)


def _ellipse(centre: np.ndarray, radii: tuple[float, float], angle: float) -> np.ndarray:
    """Return how much of each pixel an ellipse covers, its edge a pixel wide."""
    x, y = _COLUMNS - centre[0], _ROWS - centre[1]
    along = (x * np.cos(angle) + y * np.sin(angle)) / radii[0]
    across = (-x * np.sin(angle) + y * np.cos(angle)) / radii[1]
    return np.clip((1 - np.hypot(along, across)) * min(radii) + 0.5, 0, 1)


def _floor(rng: np.random.Generator) -> np.ndarray:
    """Return a floor of uneven grey with dark spots."""
    waves = np.fft.fftfreq(_SIDE)
    smooth = np.exp(-2 * (np.pi * 3) ** 2 * (waves[:, None] ** 2 + waves[None] ** 2))
    uneven = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_SIDE, _SIDE))) * smooth).real
    floor = 150 + 12 * uneven / uneven.std()
    for _ in range(8):
        radius = rng.uniform(1.5, 2.5) * _UNIT
        spot = _ellipse(rng.uniform(0.1, 0.9, 2) * _SIDE, (radius, radius), 0.0)
        floor = floor + (70 - floor) * spot
    return floor


def _frame(
    floor: np.ndarray, place: np.ndarray, heading: float, swing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture without noise, and the parts (4, 2) as x and y in pixels."""
    ahead = np.array([np.cos(heading), np.sin(heading)])
    aside = np.array([-ahead[1], ahead[0]])
    head, nose = place + 11 * _UNIT * ahead, place + 17 * _UNIT * ahead
    ears = [head - _UNIT * ahead + side * 4.5 * _UNIT * aside for side in (-1, 1)]
    tail = place - 11 * _UNIT * ahead
    tip = tail - 9 * _UNIT * ahead + 3 * _UNIT * swing * aside
    lean = float(np.arctan2(*(tail - tip)[::-1]))
    shapes = [
        ((tail + tip) / 2, (5 * _UNIT, 0.9 * _UNIT), lean, 60),
        (place, (11 * _UNIT, 6.5 * _UNIT), heading, 55),
        (head, (6.5 * _UNIT, 4.5 * _UNIT), heading, 65),
        *((ear, (2.6 * _UNIT, 2.6 * _UNIT), 0.0, 110) for ear in ears),
        (nose, (1.6 * _UNIT, 1.6 * _UNIT), 0.0, 190),
    ]
    picture = floor
    for centre, radii, angle, grey in shapes:
        picture = picture + (grey - picture) * _ellipse(centre, radii, angle)
    return picture, np.array([nose, *ears, tail])


def _png(frame: np.ndarray) -> bytes:
    """Return a grey picture (height, width) of 8 bits as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = frame.shape
    rows = b"".join(b"\0" + row.tobytes() for row in frame)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def _avi(frames: np.ndarray) -> bytes:
    """Return grey frames (time, height, width) of 8 bits as AVI with fourcc Y800; the width is a multiple of four."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    count, height, width = frames.shape
    size = height * width
    main = struct.pack(
        "<14I",
        1_000_000 // _RATE,
        size * _RATE,
        0,
        0x10,
        count,
        0,
        1,
        size,
        width,
        height,
        0,
        0,
        0,
        0,
    )
    stream = struct.pack(
        "<4s4sIHHIIIIIIIIHHHH",
        b"vids",
        b"Y800",
        0,
        0,
        0,
        0,
        1,
        _RATE,
        0,
        count,
        size,
        0,
        0,
        0,
        0,
        width,
        height,
    )
    picture = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 8, b"Y800", size, 0, 0, 0, 0)
    track = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", picture))
    heads = chunk(b"LIST", b"hdrl" + chunk(b"avih", main) + track)
    pictures = [chunk(b"00db", frame.tobytes()) for frame in frames]
    starts = 4 + np.concatenate([[0], np.cumsum([len(one) for one in pictures])[:-1]])
    index = b"".join(struct.pack("<4sIII", b"00db", 0x10, int(start), size) for start in starts)
    movie = chunk(b"LIST", b"movi" + b"".join(pictures))
    return chunk(b"RIFF", b"AVI " + heads + movie + chunk(b"idx1", index))


def _table(names: list[str], labels: np.ndarray) -> str:
    """Return CollectedData of DeepLabCut: three rows of heads, then x and y of each part in each labelled frame."""
    columns = [(part, coord) for part in _PARTS for coord in ("x", "y")]
    lines = [
        ",".join(["scorer", "", "", *[_SCORER] * len(columns)]),
        ",".join(["bodyparts", "", "", *(part for part, _ in columns)]),
        ",".join(["coords", "", "", *(coord for _, coord in columns)]),
    ]
    for name, places in zip(names, labels, strict=True):
        cells = [f"{value:.3f}" for value in places.ravel()]
        lines.append(",".join(["labeled-data", _VIDEO, name, *cells]))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the two files beside this script."""
    here = Path(__file__).resolve().parent
    (here / "dataset").mkdir(exist_ok=True)
    rng = np.random.default_rng(_SEED)
    floor = _floor(rng)
    places, headings = _walk(rng)
    made = [
        _frame(floor, place, heading, np.sin(0.2 * time))
        for time, (place, heading) in enumerate(zip(places, headings, strict=True))
    ]
    clean, truth = (np.stack(part) for part in zip(*made, strict=True))
    frames = np.clip(clean + _NOISE * rng.normal(size=clean.shape), 0, 255).round().astype(np.uint8)
    chosen = np.arange(1, _FRAMES, _EVERY)
    names = [f"img{frame:03d}.png" for frame in chosen]
    parts = "\n".join(f"- {part}" for part in _PARTS)
    config = _CONFIG.format(scorer=_SCORER, video=_VIDEO, side=_SIDE, parts=parts)
    folder = f"openfield-ada/labeled-data/{_VIDEO}"
    files = {"openfield-ada/config.yaml": config.encode()}
    files[f"{folder}/CollectedData_{_SCORER}.csv"] = _table(names, truth[chosen]).encode()
    files |= {
        f"{folder}/{name}": _png(frames[frame]) for name, frame in zip(names, chosen, strict=True)
    }
    files[f"openfield-ada/videos/{_VIDEO}.avi"] = _avi(frames)
    with zipfile.ZipFile(
        here / "dataset/mouse.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9
    ) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_DEFLATED, 9)
    np.savez_compressed(here / "truth.npz", positions=truth.astype(np.float32))


if __name__ == "__main__":
    main()
