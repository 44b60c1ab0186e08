"""The answers of a verification: one line per check that says what it proves; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "failed", "unchecked"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what holds (ok), what does not and why (failed), or what nobody looked at."""

    name: str
    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """All checks of one certificate; `certificate` is the digest of its payload, where readable."""

    certificate: str
    job: str
    status: str
    tier: str
    checks: tuple[Check, ...]

    @property
    def valid(self) -> bool:
        """Tell whether something was checked and nothing failed."""
        states = {check.state for check in self.checks}
        return "ok" in states and "failed" not in states


def ok(name: str, text: str) -> Check:
    """Return a check that holds."""
    return Check(name, "ok", text)


def failed(name: str, text: str) -> Check:
    """Return a check that does not hold."""
    return Check(name, "failed", text)


def unchecked(name: str, text: str) -> Check:
    """Return a check that was not made."""
    return Check(name, "unchecked", text)


def listing(names: Iterable[str], most: int = 5) -> str:
    """Return some names on one line, with the number of those that are left out."""
    every = [name if name.isprintable() else ascii(name) for name in names]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
