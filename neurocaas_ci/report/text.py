"""Findings as a compiler prints them: place, message, source line, caret, fix; I/O is not handled here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.report.plain import printable, width

Sources = Callable[[str], str | None]

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_TOKEN = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s,:{}\[\]#]+")
_CONTEXT = 100
_BOLD, _RED, _YELLOW, _CYAN, _RESET = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[0m"


def render(findings: Sequence[Finding], sources: Sources, *, colour: bool = False) -> str:
    """Return all findings as text; `sources` gives the content of a file, or None.

    A file's content is asked for once. With no finding the text is empty.
    """
    lines: dict[str, list[str]] = {}
    parts: list[str] = []
    for finding in findings:
        path = finding.location.path
        if path not in lines:
            source = sources(path)
            lines[path] = _BREAK.split(source) if source is not None else []
        parts.append(_one(finding, lines[path], colour=colour))
    return "\n".join(parts)


def summary(findings: Sequence[Finding]) -> str:
    """Return how many errors and warnings there are, in words, and how many mend themselves."""
    errors = sum(finding.severity == "error" for finding in findings)
    counts = ((errors, "error"), (len(findings) - errors, "warning"))
    words = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n]
    files = len({finding.location.path for finding in findings})
    fixable = sum(finding.repair is not None for finding in findings)
    mend = f"; [*] {fixable} fixable with --fix" if fixable else ""
    where = f"{files} file{'' if files == 1 else 's'}"
    return f"{' and '.join(words) or 'no problems'} in {where}{mend}"


def _one(finding: Finding, lines: Sequence[str], *, colour: bool) -> str:
    def paint(text: str, *codes: str) -> str:
        return f"{''.join(codes)}{text}{_RESET}" if colour else text

    place = finding.location
    tone = _RED if finding.severity == "error" else _YELLOW
    where = paint(f"{printable(place.path)}:{place.line}:{place.column}:", _BOLD)
    kind = paint(f"{finding.severity}:", _BOLD, tone)
    mark = paint(" [*]", _CYAN) if finding.repair is not None else ""
    result = [f"{where} {kind} {printable(finding.message)} [{finding.rule}]{mark}"]
    if 0 < place.line <= len(lines) and lines[place.line - 1].strip():
        number = f"{place.line:>5}"
        shown, marks = _excerpt(lines[place.line - 1], place)
        result.append(f"{paint(f'{number} |', _CYAN)} {shown}")
        result.append(f"{paint(f'{chr(32) * len(number)} |', _CYAN)} {paint(marks, _BOLD, tone)}")
    if finding.fix:
        result.append(f"      {paint('fix:', _CYAN)} {printable(finding.fix)}")
    return "\n".join(result) + "\n"


def _excerpt(line: str, place: Location) -> tuple[str, str]:
    """Return the line, cut around the place, and the marks that stand under the value."""
    start = min(place.column - 1, len(line))
    first = max(0, start - _CONTEXT)
    before = printable(line[first:start].replace("\t", " "))
    after = line[start : start + _CONTEXT]
    token = _TOKEN.match(after)
    marked = printable(token.group() if token else after[:1]) or " "
    more_left, more_right = "..." * (first > 0), "..." * (len(line) > start + _CONTEXT)
    shown = f"{more_left}{before}{printable(after.replace(chr(9), ' '))}{more_right}"
    indent = " " * (len(more_left) + width(before))
    return shown, indent + "^" + "~" * (width(marked) - 1)
