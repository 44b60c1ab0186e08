"""Read live progress from the tail of a run's log: lines `::progress 0.42 message`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

# The log prefixes each line with a time stamp; the workflow's text follows it.
_LINE = re.compile(r"::progress\s+([01](?:\.\d+)?|\.\d+)(?:[ \t]+([^\n]*))?")
_TAIL = 8192


def last_progress(log: Path) -> tuple[float, str] | None:
    """Return the fraction (0 to 1) and the message of the newest progress line, or None."""
    try:
        with log.open("rb") as stream:
            return progress_in(stream)
    except OSError:
        return None


def progress_in(log: BinaryIO) -> tuple[float, str] | None:
    """Return the same for a log that is open."""
    log.seek(0, 2)
    log.seek(max(0, log.tell() - _TAIL))
    tail = log.read(_TAIL).decode("utf-8", "replace")
    # A last line without its newline may still grow.
    found = _LINE.findall(tail[: tail.rfind("\n") + 1])
    if not found:
        return None
    fraction, message = found[-1]
    # It is shown on terminals, which obey control characters; the workflow is not ours.
    shown = "".join(c for c in message if c.isprintable())
    return min(float(fraction), 1.0), shown.strip()
