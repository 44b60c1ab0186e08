"""Find what is needed of a DeepLabCut project in a zip archive; no name in it ever becomes a path on this machine."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dlc_training.refusal import Refusal

_VIDEOS = {".avi", ".mp4", ".mov", ".mkv"}
_LABELS, _PICTURE = "labeled-data", ".png"
_MOST_FILES, _MOST_BYTES, _MOST_TABLE = 200_000, 2_500_000_000, 50_000_000
_LARGEST_PICTURE = 100_000_000
_DEPTH = 3  # labeled-data/<video>/<file>


@dataclass(frozen=True, slots=True)
class Labelled:
    """Members of the archive for the labelled frames of one video: its CollectedData, and pictures by file name."""

    folder: str
    table: str
    pictures: dict[str, str]


@dataclass(frozen=True, slots=True)
class Contents:
    """Which members of the archive are used."""

    labelled: tuple[Labelled, ...]
    video: str

    @property
    def video_suffix(self) -> str:
        """Return the suffix of the video, one of the four that are known."""
        return PurePosixPath(self.video).suffix.lower()


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; raise Refusal for what cannot be read, now or while it is open."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        raise Refusal(f"not readable as .zip ({' '.join(str(error).split())})") from error


def contents(archive: zipfile.ZipFile) -> Contents:
    """Return which members are used; raise Refusal when it is not one project with one video."""
    members = _members(archive)
    roots = {root for root, parts in members if parts[0] == _LABELS}
    if not roots:
        raise Refusal(
            f"there is no folder {_LABELS}; put the folder of a DeepLabCut project into the archive"
        )
    if len(roots) > 1:
        raise Refusal(f"there are {len(roots)} folders {_LABELS}; one project at a time")
    (root,) = roots
    own = {"/".join(parts): parts for place, parts in members if place == root}
    videos = sorted(
        name for name, parts in own.items()
        if parts[0] == "videos" and PurePosixPath(name).suffix.lower() in _VIDEOS
    )  # fmt: skip
    if len(videos) != 1:
        found = f"{len(videos)} videos" if videos else "no video"
        raise Refusal(
            f"there is {found} in the folder videos; leave the one to analyse there "
            f"({', '.join(sorted(_VIDEOS))})"
        )
    folders = sorted({p[1] for p in own.values() if p[0] == _LABELS and len(p) == _DEPTH})
    labelled = [one for folder in folders if (one := _labelled(own, root, folder))]
    if not labelled:
        raise Refusal(f"no folder in {_LABELS} has a CollectedData_*.csv; label frames first")
    return Contents(tuple(labelled), root + videos[0])


def _labelled(own: dict[str, tuple[str, ...]], root: str, folder: str) -> Labelled | None:
    files = {
        parts[2]: root + name
        for name, parts in own.items()
        if len(parts) == _DEPTH and parts[:2] == (_LABELS, folder)
    }
    tables = sorted(n for n in files if n.startswith("CollectedData_") and n.endswith(".csv"))
    if not tables:
        return None
    if len(tables) > 1:
        raise Refusal(f"{_LABELS}/{folder} has {len(tables)} CollectedData_*.csv; leave one")
    pictures = {name: member for name, member in files.items() if name.lower().endswith(_PICTURE)}
    return Labelled(folder, files[tables[0]], pictures)


def _members(archive: zipfile.ZipFile) -> list[tuple[str, tuple[str, ...]]]:
    """Return the files as (what is before the project's own folders, the parts of the rest)."""
    infos = archive.infolist()
    size = sum(info.file_size for info in infos)
    if len(infos) > _MOST_FILES or size > _MOST_BYTES:  # before anything is unpacked
        raise Refusal(
            f"{len(infos)} files, {size} bytes unpacked, are more than this analysis takes"
        )
    found, seen = [], set()
    for info in infos:
        name = info.filename
        parts = tuple(name.rstrip("/").split("/"))
        if not name.isprintable() or "\\" in name or ":" in name or {"", ".", ".."} & set(parts):
            raise Refusal(
                f"the archive names a file {name[:80]!r}, which is no path inside of a project"
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise Refusal(f"{name[:80]!r} is a link; put the file itself into the archive")
        if info.flag_bits & 1:
            raise Refusal(f"{name[:80]!r} is encrypted")
        if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in parts):
            continue
        if name in seen:
            raise Refusal(f"the archive holds {name[:80]!r} twice")
        seen.add(name)
        # The folder of the project itself may be in the archive, or only what is in it.
        for depth in (0, 1):
            if len(parts) > depth + 1 and parts[depth] in (_LABELS, "videos"):
                found.append(("".join(f"{part}/" for part in parts[:depth]), parts[depth:]))
                break
    return found


def text(archive: zipfile.ZipFile, member: str) -> str:
    """Return a table; raise Refusal when it is no text of a sane size."""
    if archive.getinfo(member).file_size > _MOST_TABLE:
        raise Refusal(f"{member} is larger than {_MOST_TABLE} bytes")
    try:
        return archive.read(member).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{member} is not UTF-8 text") from error


def picture(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return the bytes of a picture; raise Refusal for one that would fill the memory."""
    if archive.getinfo(member).file_size > _LARGEST_PICTURE:
        raise Refusal(f"{member} is larger than {_LARGEST_PICTURE} bytes")
    return archive.read(member)
