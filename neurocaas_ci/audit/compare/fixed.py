"""Compare PNG and MATLAB 5 files apart from what says when and by what they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neurocaas_ci.audit.compare import raw
from neurocaas_ci.audit.compare.content import CHUNK, Content, Context
from neurocaas_ci.audit.compare.result import Part, different, equivalent, plain
from neurocaas_ci.audit.compare.trouble import ImpossibleError, UnreadableError

PNG = b"\x89PNG\r\n\x1a\n"
MAT_TEXT = 116

_ABOUT = (b"tIME", b"tEXt", b"iTXt", b"zTXt", b"eXIf")
_FRAME = 12


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    size: int


def compare_png(expected: Content, actual: Content, context: Context) -> Part:
    """Compare the chunks of two PNG files, those of text, time and EXIF left out.

    Raise UnreadableError when one is cut off. Pixels are not decoded: a picture that was packed in
    another way differs.
    """
    left, right = (list(_chunks(side, context)) for side in (expected, actual))
    kinds = [[chunk.kind for chunk in side] for side in (left, right)]
    if kinds[0] != kinds[1]:
        said = (", ".join(_name(kind) for kind in side[:10]) for side in kinds)
        return different(f"has other chunks ({', in the replay '.join(said)})")
    for one, other in zip(left, right, strict=True):
        if not _same(expected, actual, one, other):
            if one.kind == b"IHDR" and _shape(expected, one) != _shape(actual, other):
                shapes = _shape(expected, one), _shape(actual, other)
                return different(f"has {shapes[0]} pixels, the replay {shapes[1]}")
            return different(f"the {_name(one.kind)} chunk at byte {one.start:,} differs")
    return equivalent("has the same chunks, text and time left out")


def compare_mat(expected: Content, actual: Content, _: Context) -> Part:
    """Compare two MATLAB 5 files after their 116 bytes of text, which hold the date."""
    return raw.compare(expected, actual, MAT_TEXT)


def _chunks(content: Content, context: Context) -> Iterator[_Chunk]:
    """Yield the chunks that count; https://www.w3.org/TR/png-3/#5Chunk-layout."""
    at = len(PNG)
    number = 0
    while at < content.size:
        number += 1
        if number > context.limits.members:
            raise ImpossibleError(f"has more than {context.limits.members:,} chunks")
        head = content.head(8, at)
        size = int.from_bytes(head[:4], "big")
        if at + _FRAME + size > content.size:
            raise UnreadableError(content.side, f"is not sound PNG (cut off at byte {at:,})")
        if head[4:] not in _ABOUT:
            yield _Chunk(head[4:], at, size)
        at += _FRAME + size


def _same(expected: Content, actual: Content, one: _Chunk, other: _Chunk) -> bool:
    if one.size != other.size:
        return False
    for at in range(8, one.size + _FRAME, CHUNK):
        size = min(CHUNK, one.size + _FRAME - at)
        if expected.head(size, one.start + at) != actual.head(size, other.start + at):
            return False
    return True


def _shape(content: Content, chunk: _Chunk) -> str:
    data = content.head(8, chunk.start + 8)
    return f"{int.from_bytes(data[:4], 'big')} x {int.from_bytes(data[4:], 'big')}"


def _name(kind: bytes) -> str:
    return plain(kind.decode("latin-1"))
