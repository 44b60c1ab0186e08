"""Read a DeepLabCut project: labelled pictures, and the video to analyse; say why they cannot be used."""

from __future__ import annotations

import math
import random
import shutil
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlc_training import archive, labels
from dlc_training.refusal import Refusal

_SIGNATURE, _HEAD = b"\x89PNG\r\n\x1a\n", 24
_SIDES = (32, 4096)
_FEWEST, _MOST = 8, 20_000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture: the video it is of and its name there, its member in the archive, whether it is trained with."""

    folder: str
    name: str
    member: str
    places: tuple[labels.Place, ...]
    trained: bool


@dataclass(frozen=True, slots=True)
class Project:
    """Labelled pictures of `size` (width, height) pixels, by folder and name; and the video to analyse."""

    archive: Path
    bodyparts: tuple[str, ...]
    pictures: tuple[Picture, ...]
    unlabelled: int
    size: tuple[int, int]
    video: str
    video_suffix: str


def read(path: Path, training_fraction: float, seed: int) -> Project:
    """Read a file; raise Refusal when it cannot be used.

    `training_fraction` of the labelled pictures are trained with, drawn with `seed`; at least one is left for the scores.
    """
    name = path.name
    if path.suffix.lower() != ".zip":
        raise Refusal(f"{name}: the suffix must be .zip")
    if not path.is_file():
        raise Refusal(f"{name}: there is no such dataset")
    if path.stat().st_size == 0:
        raise Refusal(f"{name}: the file is empty")
    try:
        with archive.opened(path) as file:
            return _project(path, file, training_fraction, seed)
    except Refusal as refusal:
        raise Refusal(f"{name}: {refusal}") from None


def _project(path: Path, file: zipfile.ZipFile, fraction: float, seed: int) -> Project:
    contents = archive.contents(file)
    found: list[tuple[str, str, str, tuple[labels.Place, ...]]] = []
    bodyparts: tuple[str, ...] | None = None
    unlabelled = 0
    for one in contents.labelled:
        table = _table(file, one)
        if bodyparts not in (None, table.bodyparts):
            raise Refusal(
                f"the body parts of labeled-data/{one.folder} are not those of the folder before"
            )
        bodyparts = table.bodyparts
        for row in sorted(table.rows, key=lambda row: row.picture):
            if row.is_empty:
                unlabelled += 1
                continue
            if row.picture not in one.pictures:
                raise Refusal(
                    f"labeled-data/{one.folder} has labels of {row.picture}, but no such PNG picture"
                )
            found.append((one.folder, row.picture, one.pictures[row.picture], row.places))
    if bodyparts is None or not _FEWEST <= len(found) <= _MOST:
        raise Refusal(f"{len(found)} labelled frames are too few ({_FEWEST} at least), or too many")
    trained = _split(len(found), fraction, seed)
    pictures = tuple(
        Picture(*one, trained=which) for one, which in zip(found, trained, strict=True)
    )
    size = _checked(file, pictures, bodyparts)
    return Project(
        path, bodyparts, pictures, unlabelled, size, contents.video, contents.video_suffix
    )


def _table(file: zipfile.ZipFile, one: archive.Labelled) -> labels.Table:
    text = archive.text(file, one.table)
    try:
        return labels.parse(text, one.folder)
    except Refusal as refusal:
        raise Refusal(f"{one.table}: {refusal}") from None


def _split(count: int, fraction: float, seed: int) -> list[bool]:
    """Return which of `count` pictures are trained with."""
    trained = min(count - 1, max(1, round(fraction * count)))
    chosen = set(random.Random(seed).sample(range(count), trained))  # noqa: S311 - no secret
    return [number in chosen for number in range(count)]


def _checked(
    file: zipfile.ZipFile, pictures: Sequence[Picture], parts: Sequence[str]
) -> tuple[int, int]:
    """Return the size of all pictures; raise Refusal when they differ, or labels do not fit them."""
    size: tuple[int, int] | None = None
    for picture in pictures:
        own = _size(archive.picture(file, picture.member), picture)
        if size not in (None, own):
            raise Refusal(
                f"{picture.member} has {own[0]} x {own[1]} pixels, others have {size[0]} x {size[1]}"
            )
        size = own
        for part, (x, y) in zip(parts, picture.places, strict=True):
            if not math.isnan(x) and not (0 <= x <= own[0] and 0 <= y <= own[1]):
                raise Refusal(
                    f"the label of {part!r} in {picture.member} lies outside of {own[0]} x {own[1]} pixels"
                )
    marked = [
        c for picture in pictures for place in picture.places for c in place if not math.isnan(c)
    ]
    if max(marked) <= 1:
        raise Refusal("no label is above 1: they must be in pixels, not fractions of the frame")
    for number, part in enumerate(parts):
        if all(math.isnan(picture.places[number][0]) for picture in pictures if picture.trained):
            raise Refusal(f"body part {part!r} is marked in no frame to train with; leave it out")
    if size is None:
        raise Refusal("there is no labelled frame")
    return size


def _size(data: bytes, picture: Picture) -> tuple[int, int]:
    if len(data) < _HEAD or not data.startswith(_SIGNATURE) or data[12:16] != b"IHDR":
        raise Refusal(f"{picture.member} is no PNG picture")
    width, height = struct.unpack(">II", data[16:_HEAD])
    low, high = _SIDES
    if not (low <= width <= high and low <= height <= high):
        raise Refusal(
            f"{picture.member} has {width} x {height} pixels; sides must be {low} to {high}"
        )
    return width, height


def unpack(project: Project, folder: Path) -> tuple[list[Path], Path]:
    """Write pictures and video below `folder`, under names of our own; return the paths. Raise Refusal when damaged."""
    frames, videos = folder / "labeled-data/frames", folder / "videos"
    for made in (frames, videos):
        made.mkdir(parents=True)
    try:
        with archive.opened(project.archive) as file:
            paths = []
            for number, picture in enumerate(project.pictures):
                paths.append(frames / f"img{number:05d}.png")
                paths[-1].write_bytes(file.read(picture.member))
            video = videos / f"video{project.video_suffix}"
            with file.open(project.video) as source, video.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
    except Refusal as refusal:
        raise Refusal(f"{project.archive.name}: {refusal}") from None
    return paths, video
