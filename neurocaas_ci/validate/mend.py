"""Make repairs that are sure to fit: the old text is looked up in the file; I/O is not handled here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurocaas_ci.model.finding import Location, Replace
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.document import Document
from neurocaas_ci.registry.tree import Tree

if TYPE_CHECKING:
    from neurocaas_ci.registry.source import Source


def source_of(tree: Tree, path: str) -> Source | None:
    """Return the text of a file, or None when it is not plain UTF-8 of the usual size."""
    from neurocaas_ci.registry.source import Source  # most registries need no repair

    content = tree.read(path, MAX_BYTES)
    if content is None or len(content) > MAX_BYTES:
        return None
    try:
        return Source(content.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def rewrite(tree: Tree, place: Location, old: str, new: str) -> Replace | None:
    """Return the repair that gives the scalar at a place another text, in the same quotes."""
    source = source_of(tree, place.path)
    return None if source is None else source.rewrite(place, old, new)


def listed(tree: Tree, document: Document, key: str, new: str) -> Replace | None:
    """Return the repair that adds an entry to the list under a key of the file, made if needed."""
    from neurocaas_ci.registry.source import written

    root, source, entry = document.root, source_of(tree, document.path), written(new)
    if root is None or root.fields is None or source is None:
        return None
    node = root.fields.get(key)
    if node is None:
        # Only below a mapping that is written as lines can a line follow.
        if root.column != 1 or source.starts(root.line, 1, "{"):
            return None
        return source.append(document.path, f"{key}: [{entry}]")
    place = Location(document.path, node.line, node.column)
    if node.items is not None and source.starts(node.line, node.column, "["):
        separator = ", " if node.items else ""
        return Replace(place.path, place.line, place.column, "[", f"[{entry}{separator}")
    return _above(source, place, entry) if node.items else None


def _above(source: Source, place: Location, entry: str) -> Replace | None:
    # The first entry moves down a line; it must stand alone on its own.
    indent = " " * (place.column - 1)
    if source.before(place.line, place.column) != indent:
        return None
    if not source.starts(place.line, place.column, "- "):
        return None
    text = f"- {entry}\n{indent}- "
    return Replace(place.path, place.line, place.column, "- ", text)
