"""Write what a command prints as a bounded log that is safe to show in a terminal."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from neurocaas_ci.patterns import late

_MAX_LINE = 8192  # bytes; longer lines are continued on the next one
_TAIL = 2048
_NOTICE_ROOM = 160
_CARRIAGE_RETURN = b"\r"
_UTF8_CONTINUATION = 0xC0, 0x80
# C0, DEL and C1 controls could drive a terminal; the others reorder or break lines when shown.
_UNSAFE = late("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(raw: bytes) -> str:
    """Decode UTF-8; write what is not UTF-8, and control characters but TAB, as escapes."""
    text = raw.decode("utf-8", "backslashreplace")
    # Nothing that is unsafe is printable.
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


class LogWriter:
    """Keep the first `limit` bytes as lines `<UTC time> <text>`, and count what is dropped.

    Every call of `feed` that completes a line writes it, so that a reader can follow.
    """

    def __init__(self, path: Path, limit: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(path, flags, 0o644)
        self._room = max(0, limit - _NOTICE_ROOM)
        self._partial = b""
        self._tail = b""
        self._full = False
        self.dropped = 0

    def feed(self, data: bytes) -> None:
        """Take some bytes of output, cut anywhere."""
        self._tail = data[-_TAIL:] if len(data) >= _TAIL else (self._tail + data)[-_TAIL:]
        if self._full:
            self.dropped += len(data)
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        lines = [piece for line in lines for piece in _pieces(line)]
        *more, self._partial = _pieces(self._partial)
        self._write([*lines, *more])

    def close(self) -> None:
        """Write an unfinished last line, say how much was dropped, and close the file."""
        if self._fd < 0:
            return
        try:
            last, self._partial = self._partial, b""
            if last and not self._full:
                self._write([last])
            if self.dropped:
                notice = f"{_now()} [log limit reached: {self.dropped} bytes were dropped]\n"
                os.write(self._fd, notice.encode())
        finally:
            os.close(self._fd)
            self._fd = -1

    def last_line(self) -> str:
        """Return the last line that is not empty, at most 200 characters, kept or dropped."""
        for line in reversed(self._tail.split(b"\n")):
            if text := printable(line.rstrip()).strip():
                return text if len(text) <= 200 else f"{text[:200]}..."  # noqa: PLR2004 - docstring
        return ""

    def _write(self, lines: list[bytes]) -> None:
        stamp = _now()
        kept: list[bytes] = []
        for line in lines:
            if not self._full:
                entry = f"{stamp} {printable(line.removesuffix(_CARRIAGE_RETURN))}\n".encode()
                if len(entry) <= self._room:
                    self._room -= len(entry)
                    kept.append(entry)
                    continue
                self._full = True
                self.dropped += len(self._partial)
            self.dropped += len(line) + 1
        if kept:
            _write_all(self._fd, b"".join(kept))


def _pieces(line: bytes) -> list[bytes]:
    """Cut a line into pieces of at most `_MAX_LINE` bytes, never inside a UTF-8 character."""
    pieces = []
    while len(line) > _MAX_LINE:
        cut = _MAX_LINE
        mask, continuation = _UTF8_CONTINUATION
        while cut > _MAX_LINE - 4 and line[cut] & mask == continuation:
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
