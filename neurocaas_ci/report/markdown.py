"""Strangers' text in Markdown: in code that it cannot leave; I/O is not handled here.

A forge sees no HTML, no link, no mention and no closing keyword in a code span or a code fence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from neurocaas_ci.report.plain import printable

_TICKS = re.compile("`+")


def code(text: str, most: int = 60) -> str:
    """Return the beginning of a text as a code span, in which nothing else is read."""
    return f"`{printable(text[:most]).replace('`', chr(39))}`"


def fence(lines: Sequence[str]) -> str:
    """Return the line of backticks that no run of backticks in the lines is as long as."""
    longest = max((len(run) for line in lines for run in _TICKS.findall(line)), default=0)
    return "`" * max(3, longest + 1)


def block(lines: Sequence[str]) -> str:
    """Return lines in a code fence."""
    around = fence(lines)
    return "\n".join([f"{around}text", *lines, around])
