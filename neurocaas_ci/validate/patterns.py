"""Which regular expressions of strangers may be run at all; I/O is not handled here.

Python's matcher backtracks: `(a+)+$` takes exponential time on 40 characters. Accepted are patterns
whose time is a small polynomial of the length of the text, seen from their form alone, and only on
texts of at most `MAX_TEXT` characters.
"""

from __future__ import annotations

import re

MAX_TEXT = 200
_MAX_PATTERN = 500
_MAX_OPEN = 2
_REPEAT = re.compile(r"[*+]|\{(\d*)(,?)(\d*)\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")


def objection(pattern: str) -> str | None:
    """Return why a pattern is not accepted, or None when it is."""
    if len(pattern) > _MAX_PATTERN:
        return f"it is longer than {_MAX_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"it is no regular expression ({error})"
    if re.search(r"\\[1-9]|\(\?P[=>]|\(\?\(", pattern):
        return "it refers back to a group"
    # What is left after this has no escapes and classes: brackets and repeats mean themselves.
    plain = re.sub(r"\\.", "x", pattern, flags=re.DOTALL)
    plain = _CLASS.sub("x", plain)
    repeats = 0
    for match in _REPEAT.finditer(plain):
        if match.start() and plain[match.start() - 1] == ")" and match.group() != "{0,1}":
            return "it repeats a group, which can take for ever"
        bounded = match[1] is not None and (not match[2] or match[3])
        if not bounded or int(match[3] or match[1] or 0) > MAX_TEXT // 4:
            repeats += 1
    if repeats > _MAX_OPEN:
        return f"it has more than {_MAX_OPEN} open repeats (`*`, `+`, `{{n,}}`)"
    return None
