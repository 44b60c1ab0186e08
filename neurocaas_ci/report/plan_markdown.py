"""A plan as a comment below a pull request, of bounded size; I/O is not handled here.

All text of strangers stands in code, where a forge sees no HTML, no link and no mention.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurocaas_ci.model.plan import Plan
from neurocaas_ci.report.markdown import block, code, fence
from neurocaas_ci.report.plan_words import counted, headline, sections

MAX_BYTES = 60_000
"""Forges cut a comment off near 65,000 characters."""

_FOLDED = 12
_MOST_LINE = 1_000
# What the frame of a section and the notes on what is left out take at most.
_FRAME = 400


def as_markdown(plan: Plan, most: int = MAX_BYTES) -> str:
    """Return at most `most` bytes of UTF-8; what is left out is said at the top and at its place."""
    first = "\n".join(f"* **{word}:**{rest}" for word, rest in map(_labelled, headline(plan, code)))
    parts = sections(plan)
    room = min(most, MAX_BYTES) - _size(first) - _FRAME
    bodies: list[str] = []
    truncated = False
    for index, (title, lines) in enumerate(parts):
        # What an earlier part leaves is shared among the later ones.
        body, whole = _section(title, lines, room // (len(parts) - index))
        room -= _size(body) + 2
        truncated = truncated or not whole
        bodies.append(body)
    note = ["**Truncated:** the plan is too long for a comment; `neurocaas plan` prints all of it."]
    return "\n\n".join([first, *(note if truncated else []), *bodies]) + "\n"


def _section(title: str, lines: Sequence[str], room: int) -> tuple[str, bool]:
    """Return a part in as many bytes as there is room for, and whether that is all of it."""
    shown = [line if len(line) <= _MOST_LINE else f"{line[:_MOST_LINE]}..." for line in lines]
    room -= 2 * len(fence(shown)) + _FRAME
    kept: list[str] = []
    for line in shown:
        room -= _size(line) + 1
        if room < 0:
            break
        kept.append(line)
    left = len(shown) - len(kept)
    body = block(kept)
    if left:
        body += f"\n\n**Truncated:** {counted(left, 'more line')}."
    if len(lines) > _FOLDED:
        summary = f"<summary>{title} ({counted(len(lines), 'line')})</summary>"
        return f"<details>\n{summary}\n\n{body}\n\n</details>", not left
    return f"### {title}\n\n{body}", not left


def _labelled(line: str) -> tuple[str, str]:
    word, _, rest = line.partition(":")
    return word, rest


def _size(text: str) -> int:
    return len(text.encode())
