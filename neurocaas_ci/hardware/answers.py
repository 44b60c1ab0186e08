"""Read what has to be in an answer of AWS, or say what is wrong with it; I/O is not handled here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.money import Microdollars

_UNIT = 1_000_000
# No machine of AWS costs a tenth of it; the schema of hardware has the same bound.
_MOST = Decimal(10_000)
_HINT = "nothing was changed; `aws pricing get-products` shows what AWS says, please report it"


class AnswerError(UsageError):
    """AWS answered something from which no price can be taken (exit 2)."""

    def __init__(self, message: str, *, where: str = "", hint: str = _HINT) -> None:
        super().__init__(message, where=where, hint=hint)


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """Return a mapping; raise AnswerError for anything else."""
    if not isinstance(value, Mapping):
        raise AnswerError(f"{what} is no mapping")
    return value


def sequence(value: object, what: str) -> Sequence[Any]:
    """Return a list; raise AnswerError for anything else."""
    if not isinstance(value, list | tuple):
        raise AnswerError(f"{what} is no list")
    return value


def text(value: object, what: str) -> str:
    """Return a text; raise AnswerError for anything else."""
    if not isinstance(value, str):
        raise AnswerError(f"{what} is no text")
    return value


def whole(value: object, what: str) -> int:
    """Return a whole number that is not negative; raise AnswerError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise AnswerError(f"{what} is no whole number")
    return value


def only(values: Mapping[str, Any], what: str) -> Any:
    """Return the one value of a mapping; raise AnswerError when there are none or several."""
    if len(values) != 1:
        raise AnswerError(f"there are {len(values)} {what} where one is expected")
    return next(iter(values.values()))


def amount(value: object, what: str) -> Decimal:
    """Return a positive number of US dollars, given as text; raise AnswerError for anything else."""
    try:
        number = Decimal(text(value, what))
    except InvalidOperation:
        raise AnswerError(f"{what} is no number: {str(value)[:40]!r}") from None
    if not number.is_finite() or number > _MOST or number < 0:
        raise AnswerError(f"{what} cannot be {str(value)[:40]!r} US dollars")
    if number == 0:
        raise AnswerError(
            f"{what} is 0 US dollars: this is no price, but a row for something paid elsewhere"
        )
    return number


def microdollars_up(number: Decimal, unit: int = 1) -> Microdollars:
    """Return US dollars in millionths, rounded up to a multiple of `unit`: a bound stays one."""
    return Microdollars(int((number * _UNIT / unit).to_integral_value(ROUND_CEILING)) * unit)


def canonical(answers: Mapping[str, Any]) -> bytes:
    """Return answers as JSON: the same ones give the same bytes, and so the same digest."""
    plain = json.dumps(answers, sort_keys=True, indent=1, ensure_ascii=True, default=str)
    return f"{plain}\n".encode("ascii")


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
