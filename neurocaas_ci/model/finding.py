"""A finding of a rule or a loader, with its place, its fix and its repair; I/O is not handled here."""

from __future__ import annotations

from typing import Literal

from neurocaas_ci.named import NamedTuple

Severity = Literal["error", "warning"]


class Location(NamedTuple):
    """A place in a file of the registry; line and column count from 1, `pointer` is a JSON pointer."""

    path: str
    line: int = 1
    column: int = 1
    pointer: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class Replace(NamedTuple):
    """Write `new` where `old` stands verbatim at line and column (from 1); otherwise nothing is done.

    A line feed in either of them stands for the line break that the file uses.
    """

    path: str
    line: int
    column: int
    old: str
    new: str


class Rename(NamedTuple):
    """Give a file another path, when nothing is there yet."""

    path: str
    to: str


class Unexecutable(NamedTuple):
    """Take the executable bit from a file."""

    path: str


Repair = Replace | Rename | Unexecutable


class Finding(NamedTuple):
    """One problem: which rule, where, what is wrong, and how to fix it.

    `repair` is set when the fix is mechanical: no judgement is needed, and nothing else changes.
    """

    rule: str
    severity: Severity
    location: Location
    message: str
    fix: str
    repair: Repair | None = None
