"""Strategies that damage JSON documents, their text, and what is base64 inside of them."""

from __future__ import annotations

import base64
import binascii
import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

_MARK = "@deep@"
# Control characters, an escape sequence, text that runs backwards, half a surrogate, combining marks.
NASTY = ["", "\0", "\x1b[2J\x1b[31m", "a\nb\r\n", "\u202egpj.exe", "\ud800", "e\u0301", "\u2028",
         "../../etc/passwd", "/", "\\", "x" * 5_000, "0" * 64, "\u0664\u0662", "sha256:" + "a" * 64]  # fmt: skip

text = st.sampled_from(NASTY) | st.text(max_size=30)
number = st.integers(-(2**70), 2**70) | st.sampled_from([0, -1, 2**63, 2**64, 10**300])
scalar = st.none() | st.booleans() | number | st.floats() | text
junk = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)


def places(document: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of everything in a document."""
    if path:
        yield path
    if isinstance(document, dict | list):
        items = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in items:
            yield from places(value, (*path, key))


def get(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


@st.composite
def damaged_base64(draw: st.DrawFn, value: str) -> str:
    """Return base64 with a character or a byte too many, too few or another."""
    at = draw(st.integers(0, len(value)))
    kind = draw(st.sampled_from(("insert", "drop", "cut", "byte", "padding")))
    if kind == "insert":
        return value[:at] + draw(st.sampled_from("A=!-_ \n\u00e9")) + value[at:]
    if kind == "drop":
        return value[:at] + value[at + 1 :]
    if kind == "cut":
        return value[:at]
    if kind == "padding":
        return value.rstrip("=") + "=" * draw(st.integers(0, 4))
    try:
        data = bytearray(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return value[::-1]
    if data:
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return base64.b64encode(data).decode()


@st.composite
def damaged_json(draw: st.DrawFn, original: Any, most: int = 3) -> bytes:
    """Return a document, as bytes, in which one to `most` things have changed."""
    document = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, most))):
        found = list(places(document))
        if found:
            path = draw(st.sampled_from(found))
            _damage(draw, get(document, path[:-1]), path[-1])
    deep = draw(st.sampled_from([2, 100, 300, 5_000]))
    encoded = json.dumps(document, separators=(",", ":"))
    encoded = encoded.replace(f'"{_MARK}"', "[" * deep + "]" * deep)
    return draw(_with_duplicate(encoded)).encode()


def _damage(draw: st.DrawFn, parent: Any, key: Any) -> None:
    """Change one value of an object or a list in place."""
    value = parent[key]
    changes = [lambda: draw(junk), lambda: [value], lambda: {str(key): value}, lambda: _MARK]
    if isinstance(value, str):
        changes += [
            lambda: draw(damaged_base64(value)),
            lambda: draw(text),
            lambda: value[: draw(st.integers(0, len(value)))],
        ] * 2
    kind = draw(st.integers(-2, len(changes) - 1))
    if kind >= 0:
        parent[key] = changes[kind]()
    elif kind == -1:
        del parent[key]
    elif isinstance(parent, dict):
        parent[draw(text)] = draw(junk)
    else:
        parent.insert(key, copy.deepcopy(value))


@st.composite
def _with_duplicate(draw: st.DrawFn, encoded: str) -> str:
    """Return JSON in which one key may be there twice."""
    ends = [at for at in range(len(encoded)) if encoded.startswith('":', at)]
    if not ends or draw(st.integers(0, 4)):
        return encoded
    end = draw(st.sampled_from(ends))
    start = encoded.rfind('"', 0, end)
    key = encoded[start : end + 1]
    return f"{encoded[:start]}{key}:{json.dumps(draw(junk))},{encoded[start:]}"


@st.composite
def damaged_bytes(draw: st.DrawFn, original: bytes) -> bytes:
    """Return bytes of which a few are replaced, removed or added, or the same in another encoding."""
    out = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(out) - 1)))
        kind = draw(st.sampled_from(("replace", "cut", "insert", "drop", "encode")))
        if kind == "replace" and out:
            out[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del out[at:]
        elif kind == "insert":
            out[at:at] = draw(st.binary(min_size=1, max_size=20))
        elif kind == "drop":
            del out[at : at + draw(st.integers(1, 200))]
        elif kind == "encode":
            name = draw(st.sampled_from(("utf-16", "utf-32-be", "utf-8-sig", "utf-7")))
            out = bytearray(bytes(out).decode("latin-1").encode(name))
    return bytes(out)
