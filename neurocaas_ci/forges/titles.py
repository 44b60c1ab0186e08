"""Titles of pull requests as they are shown on terminals and written into commits."""

from __future__ import annotations

_LENGTH = 200


def plain(text: str) -> str:
    """Return the text on one line, without control characters and surrogates."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def plain_title(title: str, branch: str) -> str:
    """Return a title on one bounded line; the name of the branch where nothing is left of it."""
    return plain(title)[:_LENGTH] or plain(branch)
