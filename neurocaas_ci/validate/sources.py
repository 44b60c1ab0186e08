"""Read the lock and requirement files of an environment line by line; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.validate.context import Context

_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*(\[[^\]]*\])?[ \t]*")


def lines(context: Context, path: str) -> Iterator[tuple[int, str]] | None:
    """Return number and text of the lines that say something, or None when there is no file."""
    content = context.head.tree.read(path, MAX_BYTES)
    return None if content is None else _filled(content)


def _filled(content: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text


def package(line: str) -> tuple[str, str] | None:
    """Return the normal name (PEP 503) of a required package and what follows it, or None."""
    match = _NAME.match(line)
    if match is None:
        return None
    return normal(match[1]), line[match.end() :]


def normal(name: str) -> str:
    """Return the one spelling of a package name that an index knows (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
