"""Strangers' text made safe to print, and cut to a width; I/O is not handled here."""

from __future__ import annotations

import unicodedata

_WIDE = {"W", "F"}


def printable(text: str) -> str:
    """Return text on one line without control characters: an escape sequence must not be obeyed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def width(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in _WIDE else 1
        for c in text
    )
