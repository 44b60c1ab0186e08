"""Apply the repairs of findings to the texts of files; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurocaas_ci.model.finding import Finding, Replace
from neurocaas_ci.registry.source import Source


def replacements(findings: Iterable[Finding]) -> dict[str, list[Replace]]:
    """Return the replacements of all findings by file, each once."""
    found: dict[str, list[Replace]] = {}
    for finding in findings:
        repair = finding.repair
        if isinstance(repair, Replace) and repair not in found.setdefault(repair.path, []):
            found[repair.path].append(repair)
    return found


def repaired(content: bytes, repairs: Sequence[Replace]) -> bytes:
    """Return a file with everything replaced that stands where it should.

    What does not stand there verbatim is left, and of two replacements that overlap only the first
    one is made: the next round of judging asks for the other again, if it is still needed. Bytes
    that are not UTF-8 are returned as they are.
    """
    try:
        source = Source(content.decode("utf-8"))
    except UnicodeDecodeError:
        return content
    edits: list[tuple[int, int, str]] = []
    end = -1
    for start, old, new in sorted(_fitting(source, repairs)):
        if start >= end:
            edits.append((start, start + len(old), new))
            end = start + max(len(old), 1)
    text = source.text
    # From the end to the start: what is still to be replaced keeps its place.
    for start, stop, new in reversed(edits):
        text = text[:start] + new + text[stop:]
    return (source.mark + text).encode("utf-8")


def _fitting(source: Source, repairs: Sequence[Replace]) -> Iterable[tuple[int, str, str]]:
    newline = source.line_break()
    for repair in repairs:
        old, new = (text.replace("\n", newline) for text in (repair.old, repair.new))
        index = source.offset(repair.line, repair.column)
        if index is not None and old and source.text.startswith(old, index):
            yield index, old, new
