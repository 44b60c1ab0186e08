"""Compare two HDF5 files object by object; runs in the process that reads HDF5.

Nothing is followed out of a file: links are compared by what they say, and once both files are open
the kernel refuses to open any other.
"""

from __future__ import annotations

import codecs
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
from h5py import h5a, h5l, h5o

from neurocaas_ci.audit.compare.archives import paired
from neurocaas_ci.audit.compare.content import Budget, Limits
from neurocaas_ci.audit.compare.hdf5_objects import Paths, References
from neurocaas_ci.audit.compare.hdf5_values import Terms, Values, compare_values
from neurocaas_ci.audit.compare.result import Part, different, equivalent, merge, plain
from neurocaas_ci.audit.compare.tolerance import Tolerance
from neurocaas_ci.audit.compare.trouble import ImpossibleError, Side, UnreadableError, reading

_DEPTH = 500
_NAMES = {h5o.TYPE_GROUP: "group", h5o.TYPE_DATASET: "data set", h5o.TYPE_NAMED_DATATYPE: "type"}
_OBJECTS = frozenset(_NAMES.values())
_SIDES: tuple[Side, Side] = ("original", "replay")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a path leads to: an object, or a link with what it says."""

    kind: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class _Tree:
    """One file: what every path leads to, and the first path of every object by its address."""

    side: Side
    file: Any
    entries: dict[str, _Entry]
    paths: dict[int, str]

    def open(self, path: str) -> Any:
        with reading(self.side, "HDF5"):
            return h5o.open(self.file.id, _encoded(path))


def compare(handles: list[int], tolerance: Tolerance, limits: Limits, budget: Budget) -> Part:
    """Compare the original and the replay that are open under these descriptors.

    Raise UnreadableError when the library refuses one, ImpossibleError when a bound is reached.
    """
    files = [_file(handle, side) for handle, side in zip(handles, _SIDES, strict=True)]
    shut_out_other_files()
    left, right = (_tree(file, side, limits) for file, side in zip(files, _SIDES, strict=True))
    references = References(*(Paths(t.side, t.file, t.paths) for t in (left, right)))
    return merge(_objects(left, right, Terms(tolerance, budget, references)), "object")


def shut_out_other_files() -> None:
    """Have the kernel refuse to open any more files to this process, for good."""
    # Codecs are files of Python's that are read when they are first used.
    for name in ("ascii", "latin-1", "unicode_escape", "utf-8"):
        codecs.lookup(name)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _file(handle: int, side: Side) -> Any:
    # Opened again, so that the offset is not the caller's. As a file object, because HDF5 asks for the
    # path of what it opens itself, and a temporary file has none.
    source = open(f"/dev/fd/{handle}", "rb", buffering=0)  # noqa: SIM115 - open until the end
    with reading(side, "HDF5"):
        return h5py.File(source, "r")


def _tree(file: Any, side: Side, limits: Limits) -> _Tree:
    """Walk over all links of a file; soft and external ones are not followed."""
    tree = _Tree(side, file, {"/": _Entry("group")}, {})
    with reading(side, "HDF5"):
        tree.paths[h5o.get_info(file.id).addr] = "/"
    waiting = [("/", 0)]
    while waiting:
        path, depth = waiting.pop()
        group = tree.open(path)
        if depth > _DEPTH:
            raise ImpossibleError(f"groups are nested more than {_DEPTH} deep")
        for name in _links(group, side, limits.members - len(tree.entries)):
            inner = f"{path.rstrip('/')}/{name}"
            with reading(side, "HDF5"):
                entry = _entry(group, name, inner, tree.paths)
            tree.entries[inner] = entry
            if entry.kind == "group":
                waiting.append((inner, depth + 1))
    return tree


def _links(group: Any, side: Side, room: int) -> list[str]:
    names: dict[str, None] = {}

    def take(name: bytes) -> bool:
        names[name.decode("utf-8", "surrogateescape")] = None
        return len(names) > room

    with reading(side, "HDF5"):
        group.links.iterate(take)
    if len(names) > room:
        raise ImpossibleError("has too many objects")
    if any("/" in name for name in names):
        # Such a name would be taken for a path, and lead through other links.
        raise UnreadableError(side, "is not sound HDF5 (a name with a slash)")
    return list(names)


def _entry(group: Any, name: str, path: str, paths: dict[int, str]) -> _Entry:
    key = _encoded(name)
    kind = group.links.get_info(key).type
    if kind == h5l.TYPE_SOFT:
        return _Entry("soft link", _decoded(group.links.get_val(key)))
    if kind == h5l.TYPE_EXTERNAL:
        file, inside = group.links.get_val(key)
        return _Entry("external link", f"{_decoded(file)}:{_decoded(inside)}")
    if kind != h5l.TYPE_HARD:
        return _Entry(f"link of kind {kind}")
    info = h5o.get_info(group, key)
    first = paths.setdefault(info.addr, path)
    return _Entry(_NAMES[info.type]) if first == path else _Entry("hard link", first)


def _objects(left: _Tree, right: _Tree, terms: Terms) -> Iterator[tuple[str, Part]]:
    """Yield a part for every path, and then one for every attribute of what both have."""

    def entry(path: str) -> Part:
        one, other = left.entries[path], right.entries[path]
        if one.kind != other.kind:
            return different(f"is a {one.kind}, in the replay a {other.kind}")
        if one.says != other.says:
            return different(f"leads to {one.says}, in the replay to {other.says}")
        if one.kind == "data set":
            return compare_values(
                Values(left.side, left.open(path)), Values(right.side, right.open(path)), terms
            )
        if one.kind == "type" and not left.open(path).equal(right.open(path)):
            return different("is another type in the replay")
        return equivalent("agrees")

    yield from paired(left.entries, right.entries, entry)
    for path, held in left.entries.items():
        if held == right.entries.get(path) and held.kind in _OBJECTS:
            for name, part in _attribute_parts(left, right, path, terms):
                yield plain(f"{path}@{name}"), part


def _attribute_parts(
    left: _Tree, right: _Tree, path: str, terms: Terms
) -> Iterator[tuple[str, Part]]:
    one, other = (_attributes(tree.side, tree.open(path)) for tree in (left, right))

    def attribute(name: str) -> Part:
        return compare_values(Values(left.side, one[name]), Values(right.side, other[name]), terms)

    return paired(one, other, attribute)


def _attributes(side: Side, owner: Any) -> dict[str, Any]:
    names: list[bytes] = []
    with reading(side, "HDF5"):
        h5a.iterate(owner, names.append)
        return {_decoded(name): h5a.open(owner, name) for name in names}


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _decoded(name: bytes | str) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
