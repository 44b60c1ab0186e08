"""Pack files as actions/upload-artifact does, into the folder that the run's artifacts come from."""

from __future__ import annotations

import glob
import hashlib
import itertools
import os
import sys
import zipfile
import zlib
from pathlib import Path

_MAGIC = set("*?[")
_FORBIDDEN = set('":<>|*?\r\n\\/')


def main() -> int:
    """Do what the inputs say."""
    given = os.environ
    name = given["NAME"]
    target = Path(given["STANDIN_ARTIFACTS"], f"{name}.zip")
    if not name or _FORBIDDEN & set(name):
        _say(f"::error::{name} cannot be the name of an artifact")
        return 1
    if target.exists() and given["OVERWRITE"] != "true":
        _say(f"::error::this run has an artifact {name} already")
        return 1
    patterns = [line.strip() for line in given["PATHS"].splitlines() if line.strip()]
    files, root = _find(patterns, hidden=given["HIDDEN"] == "true")
    if not files:
        missing, said = given["MISSING"], f"no files at {' '.join(patterns)}"
        _say(
            said
            if missing == "ignore"
            else f"::{'error' if missing == 'error' else 'warning'}::{said}"
        )
        return missing == "error"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(root))
    content = target.read_bytes()
    with Path(given["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"artifact-id={zlib.crc32(content)}\n")
        outputs.write(f"artifact-digest={hashlib.sha256(content).hexdigest()}\n")
    return 0


def _find(patterns: list[str], *, hidden: bool) -> tuple[list[Path], Path]:
    """Return the files, and the folder that their names in the archive start below."""
    found: set[Path] = set()
    roots: list[Path] = []
    for pattern in patterns:
        negative = pattern.startswith("!")
        start = _fixed(pattern.removeprefix("!"))
        files = {
            path
            for place in glob.glob(str(start / _rest(pattern)), recursive=True, include_hidden=True)
            for path in _files(Path(place))
            if hidden or not _is_hidden(path, start)
        }
        found = found - files if negative else found | files
        if not negative:
            roots.append(start.parent if start in files else start)
    return sorted(found), Path(os.path.commonpath(roots)) if roots else Path("/")


def _fixed(pattern: str) -> Path:
    """Return the part of a path before its first pattern."""
    parts = Path(pattern).absolute().parts
    return Path(*itertools.takewhile(lambda part: not _MAGIC & set(part), parts))


def _rest(pattern: str) -> Path:
    parts = Path(pattern.removeprefix("!")).absolute().parts
    return Path(*itertools.dropwhile(lambda part: not _MAGIC & set(part), parts))


def _files(place: Path) -> list[Path]:
    return [path for path in (place, *place.rglob("*")) if path.is_file()]


def _is_hidden(path: Path, start: Path) -> bool:
    """Tell whether a name begins with a dot, from where the search starts on."""
    return any(part.startswith(".") for part in path.relative_to(start.parent).parts)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
