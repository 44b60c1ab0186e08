"""The rows that the books are made of, as values; I/O is not handled here."""

from __future__ import annotations

from typing import Literal, NamedTuple

from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import Microdollars

What = Literal["budget", "reserved", "refused", "concluded"]


class CommitRow(NamedTuple):
    """A commit of the history; `position` counts from 0, `time` is seconds since 1970."""

    position: int
    id: str
    time: int


class EntryRow(NamedTuple):
    """One line of an account, and what stands on the account after it; amounts are microdollars.

    `number` orders the lines of a commit. What was reserved before is set free by a `concluded`
    line, which charges one part of it and refunds the other.
    """

    kind: str
    name: str
    position: int
    number: int
    what: What
    job: str
    reserved: int
    charged: int
    refunded: int
    cap: int | None
    spent: int
    held: int
    note: str

    @property
    def balance(self) -> Balance:
        """Return what stands on the account after this line."""
        cap = None if self.cap is None else Microdollars(self.cap)
        return Balance(cap, Microdollars(self.spent), Microdollars(self.held))


class JobRow(NamedTuple):
    """A merged job and what was decided on it; `accounts` and `short` are lines of kind and name."""

    job: str
    position: int
    maximum: int
    accounts: str
    short: str
    reason: str


class EndRow(NamedTuple):
    """The first certificate of a job; `used` is None when it does not say so soundly."""

    job: str
    position: int
    used: int | None


class VersionRow(NamedTuple):
    """The commit that introduced a blueprint version, and the content it has there."""

    name: str
    version: str
    position: int
    blob: str


class Entry(NamedTuple):
    """One line of an account for people and programs; amounts are microdollars.

    `balance` is what stands on the account after it; `time` is seconds since 1970.
    """

    position: int
    commit: str
    time: int
    what: What
    job: str
    reserved: Microdollars
    charged: Microdollars
    refunded: Microdollars
    balance: Balance
    note: str


def write_accounts(accounts: tuple[Account, ...]) -> str:
    """Return accounts as lines of text."""
    return "\n".join(f"{account.kind} {account.name}" for account in accounts)


def read_accounts(text: str) -> tuple[Account, ...]:
    """Return the accounts of lines of text."""
    pairs = (line.split(" ", 1) for line in text.split("\n") if line)
    return tuple(Account(kind, name) for kind, name in pairs)  # type: ignore[arg-type]
