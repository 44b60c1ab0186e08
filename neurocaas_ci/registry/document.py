"""A parsed file: its data, and the place of every key and value; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurocaas_ci.model.finding import Location
from neurocaas_ci.named import NamedTuple

Step = str | int


class Node:
    """The place of one value (from 1), and of what it contains.

    `items` holds one node per element of a sequence, `keys` and `fields` the places of the keys of
    a mapping and the nodes of their values; `weight` counts values, aliases expanded.
    """

    __slots__ = ("column", "fields", "items", "keys", "line", "weight")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column
        self.weight = 1
        self.items: list[Node] | None = None
        self.fields: dict[str, Node] | None = None
        self.keys: dict[str, tuple[int, int]] | None = None


class Document(NamedTuple):
    """The data of a file and where each part of it stands; `data` is None when nothing was read."""

    path: str
    data: Any = None
    root: Node | None = None

    def locate(self, pointer: Sequence[Step] = (), *, key: bool = False) -> Location:
        """Return the place of the value at `pointer`, or of its key.

        A pointer that leads nowhere gives the place of the deepest value on the way that exists.
        """
        node = self.root
        if node is None:
            return Location(self.path)
        line, column = node.line, node.column
        reached = 0
        for index, step in enumerate(pointer):
            child = None
            if node.fields is not None and isinstance(step, str):
                child = node.fields.get(step)
            elif node.items is not None and isinstance(step, int) and 0 <= step < len(node.items):
                child = node.items[step]
            if child is None:
                break
            line, column = child.line, child.column
            if key and index == len(pointer) - 1 and node.keys is not None:
                line, column = node.keys[str(step)]
            node = child
            reached += 1
        return Location(self.path, line, column, json_pointer(pointer[:reached]))


def json_pointer(steps: Sequence[Step]) -> str:
    """Return the JSON pointer (RFC 6901) of a sequence of keys and indices."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
