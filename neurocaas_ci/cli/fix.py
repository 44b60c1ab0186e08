"""Mend what can be mended in a working folder: the `--fix` and `--diff` of `neurocaas validate`.

All files are repaired in memory first, then written one by one, each in one step. A file that has
changed in the meantime is not written, and then nothing is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.overlay import File
from neurocaas_ci.registry.tree import EXECUTABLE
from neurocaas_ci.report.plain import printable
from neurocaas_ci.validate.repair import Judge, Repaired, repair_all


def fix(root: Path, judge_again: Judge, *, write: bool = True) -> Repaired:
    """Repair the files below a working folder; without `write` only say what would change.

    `judge_again` gives the findings on a tree: it is called on the folder, and on the folder with
    repairs made in memory. Raise UsageError when a file cannot be written or was changed meanwhile.
    """
    folder = FolderTree(root)
    result = repair_all(folder, judge_again)
    if write:
        _write(root, folder, result)
    return result


def diff(root: Path, result: Repaired) -> str:
    """Return what repairs change as a unified diff that `git apply` takes; call it before writing."""
    folder = FolderTree(root)
    return "".join(_diff(folder, old, new, file) for old, new, file in _moves(result))


def _moves(result: Repaired) -> Iterator[tuple[str, str, File]]:
    """Yield old path, new path and new state of every repaired file, sorted by new path."""
    origin = {new: old for old, new in result.renamed.items()}
    for path, file in sorted(result.files.items()):
        if file is not None:
            yield origin.get(path, path), path, file


def _diff(folder: FolderTree, old: str, new: str, file: File) -> str:
    import difflib

    before = folder.read(old) or b""
    head = [f"diff --git a/{printable(old)} b/{printable(new)}\n"]
    entry = folder.entries(old)
    if entry and entry[0].mode != file.mode:
        head += [f"old mode {entry[0].mode}\n", f"new mode {file.mode}\n"]
    if old != new:
        head += [f"rename from {printable(old)}\n", f"rename to {printable(new)}\n"]
    lines = difflib.unified_diff(
        _lines(before), _lines(file.content), f"a/{printable(old)}", f"b/{printable(new)}"
    )
    body = (
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
    return "".join((*head, *body))


def _lines(content: bytes) -> list[str]:
    # Only a line feed ends a line of a diff; a carriage return belongs to the line.
    parts = content.decode("utf-8", "replace").split("\n")
    return [f"{line}\n" for line in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _write(root: Path, folder: FolderTree, result: Repaired) -> None:
    moves = list(_moves(result))
    for old, new, _ in moves:
        if folder.read(old) != result.originals[old]:
            raise _changed(root / old)
        if old != new and os.path.lexists(root / new) and not _same(root / old, root / new):
            raise _changed(root / new)
    for old, new, file in moves:
        try:
            _replace(root / old, file)
            if old != new:
                (root / old).rename(root / new)
        except OSError as error:
            raise UsageError(
                f"the file cannot be written: {error.strerror or error}",
                where=str(root / old),
                hint="make it writable, or mend it by hand",
            ) from error


def _replace(path: Path, file: File) -> None:
    """Write a file in one step; its permissions stay, but for the executable ones if asked."""
    mode = path.stat().st_mode & 0o777
    if file.mode != EXECUTABLE:
        mode &= ~0o111
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # Never through a link, and never into a file of somebody else.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(file.content)
            os.fchmod(out.fileno(), mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _same(one: Path, other: Path) -> bool:
    # On a file system that ignores case, Demo.YAML and Demo.yaml are the same file.
    try:
        return one.samefile(other)
    except OSError:
        return False


def _changed(path: Path) -> UsageError:
    return UsageError(
        "the file was changed while it was judged; nothing was written",
        where=str(path),
        hint="run the command again",
    )
