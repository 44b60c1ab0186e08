"""A finding of a rule or a loader, with its place and its fix; I/O is not handled here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file of the registry; line and column count from 1, `pointer` is a JSON pointer."""

    path: str
    line: int = 1
    column: int = 1
    pointer: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: which rule, where, what is wrong, and how to fix it."""

    rule: str
    severity: Severity
    location: Location
    message: str
    fix: str
