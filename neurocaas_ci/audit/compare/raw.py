"""Show where the bytes of two files differ: a text diff for text, a row of hex for the rest."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from neurocaas_ci.audit.compare.content import CHUNK, Content, differing_bytes, first_difference
from neurocaas_ci.audit.compare.result import Part, different, equivalent, plain, plural

_WINDOW = 64 << 10
_BEFORE = 4 << 10
_CONTEXT = 3
_COMPARED = 200
_SHOWN = 20
_LONG = 160
_AROUND = 60
_ROW = 16
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HUNK = re.compile(r"^@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def compare(expected: Content, actual: Content, start: int = 0) -> Part:
    """Compare the bytes from an offset on."""
    at = first_difference(expected, actual, start)
    if at is None:
        return equivalent("has equal bytes")
    facts = {"first_byte": at, "size": expected.size, "replay_size": actual.size}
    begin = max(0, at - _BEFORE)
    left, right = (side.head(_BEFORE + _WINDOW, begin) for side in (expected, actual))
    if all(_is_text(data) for data in (left, right, expected.head(), actual.head())):
        line, column = _place(expected, at)
        lines = _text_diff(left, right, at - begin, line, column)
        return different(f"differs from line {line:,} on", *lines, **facts, line=line)
    if expected.size == actual.size:
        facts["bytes"] = differing_bytes(expected, actual, at)
        count = f"{facts['bytes']:,} of {plural(expected.size, 'byte')}"
        summary = f"{count} differ, the first at {at:,}"
    else:
        sizes = f"{plural(expected.size, 'byte')}, the replay {actual.size:,}"
        summary = f"differs from byte {at:,} on; the original has {sizes}"
    return different(summary, *_hex(expected, actual, at), **facts)


def _is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8 without control characters, letters cut at the ends aside."""
    if _CONTROL.search(data):
        return False
    return "\ufffd" not in data.decode("utf-8", "replace")[3:-3]


def _place(content: Content, at: int) -> tuple[int, int]:
    """Return line and column of an offset, both from 1 and the column in bytes."""
    stream = content.stream()
    line, line_start, passed = 1, 0, 0
    while passed < at and (data := stream.read(min(CHUNK, at - passed))):
        line += data.count(b"\n")
        line_start = max(line_start, passed + data.rfind(b"\n") + 1 if b"\n" in data else 0)
        passed += len(data)
    return line, at - line_start + 1


def _text_diff(left: bytes, right: bytes, offset: int, line: int, column: int) -> Iterator[str]:
    """Yield a unified diff around the first difference, with the line numbers of the files."""
    begin = left.rfind(b"\n", 0, offset) + 1
    one, other = left[begin:].split(b"\n"), right[begin:].split(b"\n")
    if column > _LONG or max(len(one[0]), len(other[0])) > _LONG:
        yield f"at byte {column:,} of the line:"
        yield from _excerpts(left, right, max(begin, offset - _AROUND), offset + _AROUND)
        return
    if left.rstrip(b"\n") == right.rstrip(b"\n"):
        yield "only the empty lines at the end differ"
        return
    if one[-1] == other[-1] == b"":
        del one[-1], other[-1]
    context = left[:begin].split(b"\n")[-_CONTEXT - 1 : -1]
    before, after = (_decoded([*context, *side[:_COMPARED]]) for side in (one, other))
    lines = [*difflib.unified_diff(before, after, n=_CONTEXT, lineterm="")]
    hunks = [at for at, text in enumerate(lines) if _HUNK.match(text)]
    # The first two lines hold names of files. Where the text goes on, its cut end seems to differ.
    cut = max(len(one), len(other)) > _COMPARED and len(hunks) > 1
    shown = lines[2 : hunks[-1] if cut else None]
    yield from _renumbered(shown[:_SHOWN], line - len(context) - 1)
    if cut or len(shown) > _SHOWN:
        yield "... (more is not shown)"


def _renumbered(lines: Iterable[str], by: int) -> Iterator[str]:
    for text in lines:
        shown = plain(text, _LONG)
        yield _HUNK.sub(
            lambda m: f"@@ -{int(m[1]) + by}{m[2] or ''} +{int(m[3]) + by}{m[4] or ''} @@", shown
        )


def _decoded(lines: list[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace") for line in lines]


def _excerpts(left: bytes, right: bytes, start: int, stop: int) -> Iterator[str]:
    """Yield what stands around the difference where lines are too long to show."""
    for sign, data in (("-", left), ("+", right)):
        shown = data[start:stop].partition(b"\n")[0].decode("utf-8", "replace")
        yield f"{sign} ...{plain(shown)}..."


def _hex(expected: Content, actual: Content, at: int) -> Iterator[str]:
    start = at - at % _ROW
    for sign, content in (("-", expected), ("+", actual)):
        row = content.head(_ROW, start)
        letters = "".join(c if " " <= c <= "~" else "." for c in row.decode("latin-1"))
        yield f"{sign} {start:08x}  {row.hex(' '):<47}  |{letters}|" if row else f"{sign} (ends)"
