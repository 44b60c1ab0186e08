"""What differs between two JSON values, field by field, and back again; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from neurocaas_ci.model.digest import canonical_json
from neurocaas_ci.model.plan import FieldChange


def text_of(value: Any) -> str:
    """Return a value as canonical JSON text; raise ValueError for NaN and infinities."""
    return canonical_json(plain(value)).decode()


def plain(value: Any) -> Any:
    """Return a value with every record (a named tuple) as an object and every sequence as a list."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return value


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Return what must be set and removed to make one object the other, sorted by pointer.

    Objects, and lists that kept their length, are compared within; any other value is one field.
    """
    return tuple(sorted(_object(before, after, ""), key=lambda change: change.pointer))


def patched(before: Mapping[str, Any], changes: Iterable[FieldChange]) -> dict[str, Any]:
    """Return the object that the changes make of `before`; raise KeyError or IndexError if they do not fit."""
    document: dict[str, Any] = json.loads(text_of(before))
    for change in changes:
        *parents, last = [_unescaped(step) for step in change.pointer.split("/")[1:]]
        place: Any = document
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if isinstance(place, list):
            place[int(last)] = json.loads(change.after or "null")
        elif change.after is None:
            del place[last]
        else:
            place[last] = json.loads(change.after)
    return document


def _object(
    before: Mapping[str, Any], after: Mapping[str, Any], pointer: str
) -> Iterator[FieldChange]:
    for key in before.keys() | after.keys():
        at = f"{pointer}/{_escaped(key)}"
        if key not in after:
            yield FieldChange(at, text_of(before[key]), None)
        elif key not in before:
            yield FieldChange(at, None, text_of(after[key]))
        else:
            yield from _value(before[key], after[key], at)


def _value(before: Any, after: Any, pointer: str) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _object(before, after, pointer)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _value(one, other, f"{pointer}/{index}")
    elif (old := text_of(before)) != (new := text_of(after)):
        # As text: 1, 1.0 and true are equal in Python, and three different values.
        yield FieldChange(pointer, old, new)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
