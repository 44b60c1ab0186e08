"""What a text typed into a form looks like to a reader: fences, headings, letters; no I/O here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_OPENING = re.compile(r" {0,3}(?:(`{3,})[^`]*|(~{3,}).*)")
# Quotes, list marks and spaces may stand before a heading, hashes after it (CommonMark 4.2).
_HEADING = re.compile(
    r"[ \t>*+-]*(?:[0-9]{1,9}[.)])?[ \t]*#{1,6}(?=[ \t#]|$)[ \t]*(.*?)[ \t]*#*[ \t]*"
)
_MOST_INDENT = 3
# Letters and marks that show as nothing.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Alphabets whose letters are taken for each other.
_ALIKE = {"LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU"}
# unicode.org/Public/security: what looks like a Latin letter, where it could spell a label.
_TWINS = str.maketrans(
    "аеорсухіјѕһԁԛԝвкмнтгпАВЕКМНОРСТУХІЈЅԌαβγεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwbkmhtrnABEKMHOPCTYXIJSGaBYeiKvoptuxABEZHIKMNOPTYX",
)

Trouble = tuple[str, str]


def plain_lines(lines: Sequence[str]) -> list[str] | None:
    """Return the lines outside of code fences (CommonMark 4.5), or None when one stays open."""
    outside = []
    fence = ""
    for line in lines:
        if fence:
            fence = "" if _closes(line, fence) else fence
        elif opening := _OPENING.fullmatch(line):
            fence = opening[1] or opening[2]
        else:
            outside.append(line)
    return None if fence else outside


def fenced_value(lines: Sequence[str]) -> list[str] | None:
    """Return what is in the one code fence that lines consist of, or None when they are not that."""
    opening = _OPENING.fullmatch(lines[0])
    if opening is None:
        return None
    closings = [i for i, line in enumerate(lines) if i and _closes(line, opening[1] or opening[2])]
    return list(lines[1:-1]) if closings == [len(lines) - 1] else None


def _closes(line: str, fence: str) -> bool:
    text = line.lstrip(" ")
    marks = text.rstrip(" \t")
    shallow = len(line) - len(text) <= _MOST_INDENT
    return shallow and marks.startswith(fence) and not marks.strip(fence[0])


def heading_like(line: str) -> str | None:
    """Return what a heading says, so that all that look alike are equal; None for other lines."""
    match = _HEADING.fullmatch(line)
    if match is None:
        return None
    text = unicodedata.normalize("NFKC", match[1].translate(_TWINS))
    return re.sub(r"[\W_]+", " ", text).strip().casefold()


def line_trouble(text: str) -> Trouble | None:
    """Return what speaks against an answer of one line, and what to do."""
    if "\n" in text:
        return "the answer has more than one line", "write one line"
    for character in text:
        if unicodedata.category(character) in _HIDDEN or _BLANK.match(character):
            return f"it holds the invisible character U+{ord(character):04X}", "remove it"
    if unicodedata.normalize("NFKC", text) != unicodedata.normalize("NFC", text):
        return "it holds characters that only look like usual ones", "type it on a keyboard"
    for word in text.split():
        found = {unicodedata.name(c, "?").split()[0] for c in word if c.isalpha()} & _ALIKE
        if len(found) > 1:
            return f"one word mixes the alphabets {' and '.join(sorted(found))}", "use one alphabet"
    return None


def text_trouble(text: str) -> Trouble | None:
    """Return what speaks against an answer of several lines, and what to do."""
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in _HIDDEN - {"Cn", "Co"}:
            return f"it holds the invisible character U+{ord(character):04X}", "remove it"
    return None
