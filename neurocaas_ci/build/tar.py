"""Write the canonical tar stream of a layer, and nothing else: one input, one sequence of bytes.

The standard library's writer may change its padding or headers between Python versions, and then
every image digest would change with it. POSIX.1-2001 (pax) is small enough to be written here;
tests read the result back with `tarfile` and GNU tar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

from neurocaas_ci.build.constants import EPOCH
from neurocaas_ci.build.entries import Entry, Slice

_BLOCK = 512
_CHUNK = 1 << 20
_MAX_OCTAL_SIZE = 8**11
_NAME_LIMIT = 100
_TYPES = {"file": b"0", "dir": b"5", "link": b"2"}


def write_tar(
    entries: Iterable[tuple[str, Entry]], spool: BinaryIO | None, write: Callable[[bytes], object]
) -> None:
    """Write the members in the order given; contents that are slices come from `spool`."""
    for path, entry in entries:
        size = _size(entry)
        write(_header(path, entry, size))
        if isinstance(entry.content, Slice):
            assert spool is not None  # noqa: S101 - a slice always has a spool
            _copy(spool, entry.content, write)
        else:
            write(entry.content)
        write(b"\0" * (-size % _BLOCK))
    write(b"\0" * (2 * _BLOCK))


def _size(entry: Entry) -> int:
    return entry.content.size if isinstance(entry.content, Slice) else len(entry.content)


def _copy(spool: BinaryIO, part: Slice, write: Callable[[bytes], object]) -> None:
    spool.seek(part.offset)
    left = part.size
    while left:
        data = spool.read(min(left, _CHUNK))
        if not data:
            raise EOFError("the spool ends before the content does")
        write(data)
        left -= len(data)


def _header(path: str, entry: Entry, size: int) -> bytes:
    name = path.encode() + (b"/" if entry.kind == "dir" else b"")
    target = entry.target.encode()
    records = {}
    if len(name) > _NAME_LIMIT or not name.isascii():
        records[b"path"] = name
    if len(target) > _NAME_LIMIT or not target.isascii():
        records[b"linkpath"] = target
    if size >= _MAX_OCTAL_SIZE:
        records[b"size"] = str(size).encode()
    extended = b""
    if records:
        body = b"".join(_record(key, records[key]) for key in sorted(records))
        extended = _block(b"././@PaxHeader", 0o644, len(body), b"x", b"")
        extended += body + b"\0" * (-len(body) % _BLOCK)
    shown = size if size < _MAX_OCTAL_SIZE else 0
    return extended + _block(_ascii(name), entry.mode, shown, _TYPES[entry.kind], _ascii(target))


def _ascii(name: bytes) -> bytes:
    return name.decode("ascii", "replace").replace("\ufffd", "?").encode()[:_NAME_LIMIT]


def _record(key: bytes, value: bytes) -> bytes:
    # The length in front counts itself (POSIX.1-2001, pax, "Extended Header").
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def _block(name: bytes, mode: int, size: int, kind: bytes, target: bytes) -> bytes:
    head = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0" % mode,
            b"0000000\0" * 2,
            b"%011o\0" % size,
            b"%011o\0" % EPOCH,
            b" " * 8,
            kind,
            target.ljust(100, b"\0"),
            b"ustar\x0000",
            b"\0" * 64,
            b"0000000\0" * 2,
            b"\0" * 167,
        )
    )
    checksum = b"%06o\0 " % sum(head)
    return head[:148] + checksum + head[156:]
