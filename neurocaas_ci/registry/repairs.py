"""Repairs of what the loader finds, where the text itself says how; I/O is not handled here."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from neurocaas_ci.model.finding import Finding, Location, Replace
from neurocaas_ci.registry.document import Document
from neurocaas_ci.registry.scalars import NotFiniteError, is_ambiguous, resolve
from neurocaas_ci.registry.source import Source, written
from neurocaas_ci.schemas.check import Issue

# What stands where the finding points: plain scalars, and a tag with the space after it.
_KEY = re.compile(r"[-+.:~\w]+?(?=[ \t]*:(?:[\s,\]}]|$))", re.ASCII)
_VALUE = re.compile(r"[-+.:\w]+(?=[ \t]*(?:[,\]}\r\n]|[ \t]#|$))", re.ASCII)
_TAG = re.compile(r"![^\s,\[\]{}]*[ \t]+")
_QUOTED = re.compile(r"[\"'\[{|>]")


def with_repairs(content: bytes, findings: Sequence[Finding]) -> list[Finding]:
    """Return findings of the form of a file, those with a repair that are repaired mechanically."""
    if not any(finding.rule in _REPAIRS for finding in findings):
        return list(findings)
    source = _source(content)
    result = []
    for finding in findings:
        repair = (
            _REPAIRS[finding.rule](source, finding.location) if finding.rule in _REPAIRS else None
        )
        result.append(finding._replace(repair=repair) if repair else finding)
    return result


def word_repair(
    content: bytes, document: Document, issue: Issue, place: Location
) -> Replace | None:
    """Return the repair that writes the word that was surely meant, or None when nobody knows."""
    if issue.instead is None:
        return None
    old = issue.pointer[-1] if issue.on_key and issue.pointer else _value(document, issue)
    if not isinstance(old, str):
        return None
    return _source(content).rewrite(place, old, issue.instead)


@functools.lru_cache(maxsize=1)
def _source(content: bytes) -> Source:
    # One file can have a hundred issues, and its lines are counted once.
    return Source(content.decode("utf-8", "replace"))


def _value(document: Document, issue: Issue) -> object:
    value = document.data
    for step in issue.pointer:
        value = value[step]
    return value


def _quote_key(source: Source, place: Location) -> Replace | None:
    key = _at(source, place, _KEY)
    return _replace(place, key, written(key, quote=True)) if key else None


def _quote_value(source: Source, place: Location) -> Replace | None:
    value = _at(source, place, _VALUE)
    # A number such as 010 stays a number: which one was meant, nobody but the author knows.
    if not value or not is_ambiguous(value) or not _is_text(value):
        return None
    return _replace(place, value, written(value, quote=True))


def _drop_tag(source: Source, place: Location) -> Replace | None:
    tag = _at(source, place, _TAG)
    index = source.offset(place.line, place.column)
    if not tag or index is None:
        return None
    after = index + len(tag)
    if not _QUOTED.match(source.text, after):
        value = re.compile(r"[^\r\n]*").match(source.text, after)
        word = value[0].partition(" #")[0].rstrip() if value else ""
        # Without its tag a plain word must still be text.
        if not word or re.search(r"[,\]}:#&*]", word) or is_ambiguous(word) or not _is_text(word):
            return None
    return _replace(place, tag, "")


def _is_text(word: str) -> bool:
    try:
        return isinstance(resolve(word), str)
    except NotFiniteError:
        return False


def _at(source: Source, place: Location, form: re.Pattern[str]) -> str | None:
    index = source.offset(place.line, place.column)
    match = None if index is None else form.match(source.text, index)
    return match[0] if match else None


def _replace(place: Location, old: str, new: str) -> Replace:
    return Replace(place.path, place.line, place.column, old, new)


_REPAIRS: dict[str, Callable[[Source, Location], Replace | None]] = {
    "NC-F007": _quote_key,
    "NC-F008": _quote_value,
    "NC-F010": _drop_tag,
}
