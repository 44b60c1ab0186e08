"""Plain scalars by the YAML 1.2 core schema (section 10.3.2), strictly; I/O is not handled here."""

from __future__ import annotations

import math
import re

from neurocaas_ci.patterns import late

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = late(r"[-+]?[0-9]+")
_BASED = late(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = late(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = late(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# What YAML 1.1 (yaml.org/type) reads as something else than YAML 1.2 does; dates are left out,
# because the text of a date is what everybody means by it, and so are `y` and `n`, which no common
# reader takes for true and false.
_AMBIGUOUS = late(
    r"(?:yes|no|on|off)"
    r"|[-+]?0[0-9_]+|[-+]?0b[01_]+"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?[0-9]+_[0-9_]*(?:\.[0-9_]*)?",
    re.IGNORECASE,
)
_NUMBERS = frozenset("-+.0123456789")
_PLAIN_DIGITS = frozenset("123456789")
_SWITCHES = frozenset("yYnNoO")
_FIRST_LETTERS = _SWITCHES | frozenset(word[0] for word in _WORDS if word)
_LONGEST_WORD = max(map(len, _WORDS))
_MAX_DIGITS = 18

Scalar = str | int | float | bool | None


class NotFiniteError(ValueError):
    """The scalar is NaN, infinite, or too large for every reader to hold exactly."""


def may_be_special(text: str) -> bool:
    """Tell, at a glance, whether a plain scalar may be anything but its own text to any reader."""
    if not text or text[0] in _NUMBERS:
        return True
    return len(text) <= _LONGEST_WORD and text[0] in _FIRST_LETTERS


def resolve(text: str) -> Scalar:
    """Return what a plain scalar means; raise NotFiniteError for NaN, infinities and huge numbers."""
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if text[0] in _NUMBERS else text


def is_ambiguous(text: str) -> bool:
    """Tell whether readers of YAML 1.1 take this plain scalar for something else."""
    if not text or (text[0] not in _NUMBERS and text[0] not in _SWITCHES):
        return False
    if text[0] in _PLAIN_DIGITS and "_" not in text and ":" not in text:
        # Versions, dates and most numbers.
        return False
    return text.isascii() and bool(_AMBIGUOUS.fullmatch(text)) and text.strip("+-") != "0"


def _number(text: str) -> Scalar:
    if (text.isascii() and text.isdigit()) or _INT.fullmatch(text):
        return _integer(text, 10)
    if _BASED.fullmatch(text):
        return _integer(text, 0)
    if _NOT_FINITE.fullmatch(text):
        raise NotFiniteError
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    if math.isinf(number):
        raise NotFiniteError
    return number


def _integer(text: str, base: int) -> int:
    if len(text.lstrip("+-")) > _MAX_DIGITS:
        raise NotFiniteError
    return int(text, base)
