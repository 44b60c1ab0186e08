"""Take over what a run left under /outputs: regular files only, hashed while they are stored."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.run import OutputFile, Reason
from neurocaas_ci.run.sandbox.tree import MAX_DEPTH, Entry, walk
from neurocaas_ci.stores.interface import BlobStore

Problem = tuple[Reason, str]

_NAMED = 3
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: f"a folder more than {MAX_DEPTH} deep",
}


def collect(
    outputs: Path, store: BlobStore, limits: RunLimits, required: tuple[str, ...]
) -> tuple[tuple[OutputFile, ...], Problem | None]:
    """Move all outputs into the store, sorted by path, and name what is wrong with them.

    Only call it when no process of the run is left. Nothing is stored of outputs that break a rule;
    when only a required file is missing, the others are stored. `required` holds paths and globs
    (`*` within a name, `**` for any folders).
    """
    found, problem = _survey(outputs, limits)
    if problem is not None:
        return (), problem
    kept = []
    for entry in sorted(found, key=lambda e: e.path):
        path = outputs / entry.path
        if entry.facts.st_mode & stat.S_IRUSR == 0:
            path.chmod(0o600)
        blob = store.adopt(path)
        kept.append(OutputFile(entry.path, blob.sha256, blob.size))
    return tuple(kept), _missing(required, [f.path for f in kept])


def _survey(outputs: Path, limits: RunLimits) -> tuple[list[Entry], Problem | None]:
    """List the files, bounded in number; return the first kind of problem with some names."""
    found: list[Entry] = []
    bad: list[str] = []
    for entry in walk(outputs, unlock=True):
        found.append(entry)
        if (fault := _fault(entry)) is not None:
            bad.append(f"{_show(entry.path)} ({fault})")
        if len(bad) > _NAMED or len(found) > limits.output_files:
            break
    excess = _excess(found, limits)
    if bad:
        more = ", ..." if len(bad) > _NAMED else ""
        names = ", ".join(bad[:_NAMED])
        return [], ("bad_output", f"only regular files can be outputs; found {names}{more}")
    return found, ("output_limit", excess) if excess is not None else None


def _excess(found: list[Entry], limits: RunLimits) -> str | None:
    """Say which limit the outputs exceed, if any."""
    if len(found) > limits.output_files:
        advice = "raise limits.output_files of the step, or write one archive"
        return f"more than {limits.output_files:,} files under /outputs; {advice}"
    for entry in found:
        if (size := entry.facts.st_size) > limits.file_size:
            allowed = f"limits.file_size of the step allows {limits.file_size:,}"
            return f"{_show(entry.path)} has {size:,} bytes; {allowed}"
    total = sum(entry.facts.st_size for entry in found)
    if total > limits.output_size:
        allowed = f"limits.output_size of the step allows {limits.output_size:,}"
        return f"/outputs has {total:,} bytes; {allowed}"
    return None


def _fault(entry: Entry) -> str | None:
    kind = stat.S_IFMT(entry.facts.st_mode)
    if kind != stat.S_IFREG:
        return _KINDS.get(kind, "not a regular file")
    if entry.facts.st_nlink > 1:
        return "a hard link"
    if ".git" in entry.path.split("/"):
        # Git obeys a repository's settings: fetched results must not bring any.
        return "a part of a git repository"
    # Surrogates stand for bytes that are not UTF-8; they are not printable either.
    return None if entry.path.isprintable() else "a name with characters that cannot be shown"


def _show(path: str) -> str:
    return path if path.isprintable() else ascii(path)


def _missing(required: Iterable[str], paths: list[str]) -> Problem | None:
    absent = [g for g in required if not any(output_pattern(g).fullmatch(p) for p in paths)]
    if not absent:
        return None
    there = f"it wrote {', '.join(paths[:_NAMED])}" if paths else "it wrote nothing"
    if len(paths) > _NAMED:
        there += f" and {len(paths) - _NAMED} more"
    return (
        "missing_output",
        f"/outputs lacks {', '.join(absent)}, which the blueprint declares; {there}",
    )


@lru_cache(maxsize=256)
def output_pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob over paths: `*` and `?` stay within a name, `**/` is any number of folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", os.path.normpath(glob).lstrip("/"))
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part) or re.escape(part) for part in parts), re.DOTALL)
