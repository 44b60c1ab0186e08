"""The patterns of `branches`, `tags` and `paths` filters; pure.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache


def matches(patterns: Sequence[str], name: str) -> bool:
    """Tell whether a name is meant: the last pattern that fits counts, `!` takes names away."""
    meant = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if _compiled(pattern[negative:]).fullmatch(name):
            meant = not negative
    return meant


def any_meant(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Tell whether `paths` starts a workflow: one of the changed files is meant."""
    return any(matches(patterns, name) for name in names)


def all_ignored(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Tell whether `paths-ignore` holds a workflow back: every changed file is ignored."""
    return all(matches(patterns, name) for name in names)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    out, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] == "/"):
            out.append("(?:.*/)?")
            at += 3
            continue
        if pattern.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        if char == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at)
            out.append(pattern[at : end + 1])
            at = end + 1
            continue
        if char == "\\" and at + 1 < len(pattern):
            out.append(re.escape(pattern[at + 1]))
            at += 2
            continue
        # `?` and `+` say how often the character before them comes, as in regular expressions.
        out.append({"*": "[^/]*", "?": "?", "+": "+"}.get(char, re.escape(char)))
        at += 1
    return re.compile("".join(out), re.DOTALL)
