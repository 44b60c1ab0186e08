"""The text of a file by line and column, as the parser counts them; I/O is not handled here."""

from __future__ import annotations

import re

from neurocaas_ci.model.finding import Location, Replace
from neurocaas_ci.registry.scalars import NotFiniteError, is_ambiguous, resolve

# libyaml counts these as line breaks.
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_END = re.compile(r"[ \t]*(?:[,\]}\r\n\x85\u2028\u2029]|:(?:[\s,\]}]|$)|[ \t]#|$)")


class Source:
    """A text and where its lines begin; a byte order mark at its start has no column."""

    def __init__(self, text: str) -> None:
        self.mark = "\ufeff" if text.startswith("\ufeff") else ""
        self.text = text.removeprefix("\ufeff")
        self._starts: list[int] | None = None

    def offset(self, line: int, column: int) -> int | None:
        """Return the index of a place in the text, or None where the text has no such place."""
        if self._starts is None:
            self._starts = [0, *(match.end() for match in BREAK.finditer(self.text))]
        if not 0 < line <= len(self._starts) or column < 1:
            return None
        index = self._starts[line - 1] + column - 1
        end = self._starts[line] if line < len(self._starts) else len(self.text) + 1
        return index if index < end else None

    def starts(self, line: int, column: int, text: str) -> bool:
        """Tell whether a text stands at a place."""
        index = self.offset(line, column)
        return index is not None and self.text.startswith(text, index)

    def before(self, line: int, column: int) -> str:
        """Return what stands before a column in its line."""
        index, start = self.offset(line, column), self.offset(line, 1)
        return "" if index is None or start is None else self.text[start:index]

    def line_break(self, line: int) -> str:
        """Return the line break that ends a line, or the first one of the file for the last line."""
        index = self.offset(line, 1)
        match = BREAK.search(self.text, index or 0) or BREAK.search(self.text)
        return match.group() if match else "\n"

    def rewrite(
        self, place: Location, old: str, new: str, *, quote: bool = False
    ) -> Replace | None:
        """Return the repair that makes the scalar `old` at a place read `new`.

        Quotes stay, and are added when `quote` asks for them or `new` needs them. None for a scalar
        that is written in another way (escapes, several lines) than its value.
        """
        index = self.offset(place.line, place.column)
        if index is None or not old or BREAK.search(old):
            return None
        for sign in ('"', "'", ""):
            token = f"{sign}{old}{sign}"
            if not self.text.startswith(token, index):
                continue
            if not sign and not _END.match(self.text, index + len(token)):
                continue
            if sign and (sign in old or "\\" in old):
                return None
            fresh = f"{sign}{new}{sign}" if sign else written(new, quote=quote)
            if sign and (sign in new or "\\" in new):
                return None
            return Replace(place.path, place.line, place.column, token, fresh)
        return None

    def append(self, path: str, line: str) -> Replace | None:
        """Return the repair that adds a line at the end of the file, after its last filled line."""
        last = self.text.rstrip()
        start = max((match.end() for match in BREAK.finditer(last)), default=0)
        rest = last[start:]
        number = len(BREAK.findall(last)) + 1
        # Nothing may follow the end of a document.
        if not rest or rest.startswith(("...", "---")):
            return None
        return Replace(path, number, 1, rest, f"{rest}\n{line}")


def written(text: str, *, quote: bool = False) -> str:
    """Return a text as a scalar that every reader of YAML takes for that text."""
    if not quote and _PLAIN.fullmatch(text):
        try:
            if isinstance(resolve(text), str) and not is_ambiguous(text):
                return text
        except NotFiniteError:
            pass
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
