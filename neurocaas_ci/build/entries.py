"""What a layer holds: normalised files, folders and links by path; I/O is not handled here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from neurocaas_ci.errors import BuildError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

Kind = Literal["file", "dir", "link"]


@dataclass(frozen=True, slots=True)
class Slice:
    """A content that lies in a spool file: where it starts, and its size in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a layer; owner, times and the other mode bits are fixed, so they have no field.

    `content` belongs to a file, `target` to a symbolic link. `mode` is already normalised.
    """

    kind: Kind
    mode: int
    content: bytes | Slice = b""
    target: str = ""


FOLDER = Entry("dir", 0o755)
SHARED_FOLDER = Entry("dir", 0o1777)


def file_entry(content: bytes | Slice, *, executable: bool = False) -> Entry:
    """Return a regular file that everybody may read."""
    return Entry("file", 0o755 if executable else 0o644, content=content)


def link_entry(target: str) -> Entry:
    """Return a symbolic link; `target` is read inside the image, so any text is allowed."""
    return Entry("link", 0o777, target=target)


def clean_path(path: str, where: str) -> str:
    """Return a member path relative to the root, without `.` parts or a final slash.

    Raise BuildError for a path that leaves the root or that no tool could name afterwards.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    problem = ""
    if path.startswith("/"):
        problem = "is absolute"
    elif ".." in parts:
        problem = "leaves the root"
    elif _CONTROL.search(path):
        problem = "holds control characters"
    elif _SURROGATE.search(path):
        problem = "is not UTF-8"
    if problem:
        raise BuildError(
            f"member {path!r} {problem}",
            where=where,
            hint="the archive is damaged or hostile: remove it from the lock",
        )
    return "/".join(parts)


def with_parents(entries: Mapping[str, Entry]) -> list[tuple[str, Entry]]:
    """Return all entries and the folders above them, sorted by the bytes of their paths.

    Raise BuildError when something that is not a folder has members below it.
    """
    whole: dict[str, Entry] = dict(entries)
    for path in entries:
        parent = posixpath.dirname(path)
        while parent:
            above = whole.setdefault(parent, FOLDER)
            if above.kind != "dir":
                raise BuildError(f"{path!r} lies below {parent!r}, which is a {above.kind}")
            parent = posixpath.dirname(parent)
    return sorted(whole.items(), key=lambda item: item[0].encode())


def merged(
    parts: Iterable[tuple[str, Mapping[str, Entry]]], same: Callable[[Entry, Entry], bool]
) -> dict[str, Entry]:
    """Join the entries of several archives (name, entries); what they share must be the `same`.

    Raise BuildError when two archives bring different things for one path: which of them wins
    would depend on an order that nobody wrote down.
    """
    result: dict[str, Entry] = {}
    owner: dict[str, str] = {}
    for name, entries in parts:
        for path, entry in entries.items():
            known = result.get(path)
            if known is not None and not same(known, entry):
                raise BuildError(
                    f"{name} and {owner[path]} both bring {path!r}, with different content",
                    hint="remove one of the two packages",
                )
            if known is None:
                result[path] = entry
                owner[path] = name
    return result
