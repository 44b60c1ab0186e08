"""Pack files as actions/upload-artifact does, into the folder that the run's artifacts come from."""

from __future__ import annotations

import glob
import hashlib
import os
import sys
import zipfile
from pathlib import Path

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
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    with Path(given["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"artifact-digest={digest}\n")
    return 0


def _find(patterns: list[str], *, hidden: bool) -> tuple[list[Path], Path]:
    """Return the files, and the folder that their names in the archive start below."""
    found: set[Path] = set()
    roots: list[Path] = []
    for pattern in patterns:
        negative = pattern.startswith("!")
        places = _expand(pattern.removeprefix("!"))
        files = {path for place in places for path in _files(place, hidden=hidden)}
        found = found - files if negative else found | files
        if not negative:
            roots.append(_root(pattern, files))
    return sorted(found), Path(os.path.commonpath(roots)) if roots else Path("/")


def _expand(pattern: str) -> list[Path]:
    return [
        Path(path).absolute() for path in glob.glob(pattern, recursive=True, include_hidden=True)
    ]


def _files(place: Path, *, hidden: bool) -> set[Path]:
    if place.is_file():
        return {place}
    inside = {path for path in place.rglob("*") if path.is_file()}
    return {
        path
        for path in inside
        if hidden or not any(part.startswith(".") for part in path.relative_to(place).parts)
    }


def _root(pattern: str, files: set[Path]) -> Path:
    fixed = []
    for part in Path(pattern).absolute().parts:
        if any(char in part for char in "*?["):
            break
        fixed.append(part)
    root = Path(*fixed)
    return root.parent if root in files else root


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
