"""Compare JSON and XML by what they say; white space, order of keys and comments do not count."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeAlias
from xml.etree import ElementTree as ET
from xml.parsers import expat

from neurocaas_ci.audit.compare import raw
from neurocaas_ci.audit.compare.content import Content, Context
from neurocaas_ci.audit.compare.result import (
    Part,
    different,
    equivalent,
    plain,
    plural,
)
from neurocaas_ci.audit.compare.trouble import UnreadableError, reading

_SHOWN = 10
_MAX_DEPTH = 256
_MAX_NAMESPACES = 1000
_SVG = "http://www.w3.org/2000/svg"
_MISSING = object()

# Where a value stands: the place around it, and its key or position there.
_At: TypeAlias = "tuple[_At, str | int] | None"
_Pair: TypeAlias = tuple[_At, Any, Any]


def compare_json(expected: Content, actual: Content, context: Context) -> Part:
    """Compare two JSON documents: numbers by their exact value, NaN equal to NaN.

    Raise UnreadableError when one is no JSON, is not UTF-8, has a key twice or is nested too deep.
    """
    left, right = (_json(side, context.limits.document) for side in (expected, actual))
    count = 0
    shown = []
    for line in _json_differences(left, right):
        count += 1
        if count <= _SHOWN:
            shown.append(line)
    if not count:
        return equivalent("has equal values")
    if count > _SHOWN:
        shown.append(f"... and {count - _SHOWN:,} more")
    verb = "differs" if count == 1 else "differ"
    return different(f"{plural(count, 'value')} {verb}", *shown, values=count)


def compare_xml(expected: Content, actual: Content, context: Context) -> Part:
    """Compare two XML documents in canonical form (C14N 2.0), without the metadata of an SVG.

    Raise UnreadableError when one is not well-formed or declares anything of its own (entities).
    """
    left, right = (_canonical_xml(side, context.limits.document) for side in (expected, actual))
    part = raw.compare(left, right)
    if part.verdict == "equivalent":
        return equivalent("says the same")
    return different(f"in canonical form {part.summary}", *part.details)


def _json(content: Content, limit: int) -> Any:
    data = content.whole(limit)
    with reading(content.side, "JSON"):
        # Decimal keeps every digit, and reads numbers of any length in reasonable time.
        return json.loads(
            data.decode("utf-8"), parse_float=Decimal, parse_int=Decimal,
            object_pairs_hook=_object,
        )  # fmt: skip


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _json_differences(left: Any, right: Any) -> Iterator[str]:
    """Yield a line per difference, in the order of the original."""
    stack: list[Iterator[_Pair]] = [iter([(None, left, right)])]
    while stack:
        pair = next(stack[-1], None)
        if pair is None:
            stack.pop()
            continue
        at, one, other = pair
        if isinstance(one, dict) and isinstance(other, dict):
            stack.append(_members(at, one, other))
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                counts = f"{len(one):,} entries in the original, {len(other):,} in the replay"
                yield f"{_path(at)}: {counts}"
            stack.append(_entries(at, one, other))
        elif one is _MISSING or other is _MISSING:
            yield f"{_path(at)}: is only in the {'original' if other is _MISSING else 'replay'}"
        elif not _equal(one, other):
            yield f"{_path(at)}: expected {_show(one)}, got {_show(other)}"


def _members(at: _At, one: dict[str, Any], other: dict[str, Any]) -> Iterator[_Pair]:
    for name, value in one.items():
        yield (at, name), value, other.get(name, _MISSING)
    for name, value in other.items():
        if name not in one:
            yield (at, name), _MISSING, value


def _entries(at: _At, one: list[Any], other: list[Any]) -> Iterator[_Pair]:
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        yield (at, position), left, right


def _path(at: _At) -> str:
    steps: list[str] = []
    while at is not None:
        at, step = at
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    return plain("$" + "".join(reversed(steps)), 120)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and bool(one == other)


def _show(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value):,}"
    if isinstance(value, Decimal | float):
        return plain(str(value), 60)
    return plain(json.dumps(value, ensure_ascii=False), 60)


def _canonical_xml(content: Content, limit: int) -> Content:
    data = content.whole(limit)
    root = _checked_root(content, data)
    out = io.StringIO()
    with reading(content.side, "XML"):
        drop = [f"{{{_SVG}}}metadata"] if root == f"{_SVG} svg" else None
        ET.canonicalize(from_file=io.BytesIO(data), out=out, exclude_tags=drop)
    text = out.getvalue().encode("utf-8", "replace")
    return Content(io.BytesIO(text), len(text), content.side, content.name)


def _checked_root(content: Content, data: bytes) -> str:
    """Return namespace and name of the root element.

    Refuse what makes a small XML document expensive: declarations, depth, many namespaces.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = namespaces = 0
    root = ""

    def doctype(_name: str, _system: str | None, _public: str | None, has_subset: bool) -> None:
        if has_subset:
            raise UnreadableError(content.side, "declares entities or attributes of its own")

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth, root
        root = root or name
        depth += 1
        if depth > _MAX_DEPTH:
            raise UnreadableError(content.side, f"is nested more than {_MAX_DEPTH} deep")

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def namespace(_prefix: str, _uri: str) -> None:
        nonlocal namespaces
        namespaces += 1
        if namespaces > _MAX_NAMESPACES:
            raise UnreadableError(content.side, f"names more than {_MAX_NAMESPACES} namespaces")

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartNamespaceDeclHandler = namespace
    with reading(content.side, "XML"):
        parser.Parse(data, True)  # noqa: FBT003 - expat takes no names
    return root
