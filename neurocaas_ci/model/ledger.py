"""Accounts, what stands on them, and what changes them; amounts are microdollars.

Git is the ledger: these values are derived from the first-parent history of main and never stored
in the registry. I/O is not handled here.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from neurocaas_ci.model.money import ZERO, Microdollars

AccountKind = Literal["user", "group", "blueprint"]


class Account(NamedTuple):
    """Who pays: a user, a group, or a blueprint that sets a budget of its own."""

    kind: AccountKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Balance(NamedTuple):
    """What stands on an account: its cap (None: no bound), what was spent, what is reserved."""

    cap: Microdollars | None = None
    spent: Microdollars = ZERO
    reserved: Microdollars = ZERO

    @property
    def left(self) -> Microdollars | None:
        """Return what a further job may cost at most; negative after a cap was lowered."""
        if self.cap is None:
            return None
        return Microdollars(self.cap - self.spent - self.reserved)


def opening(account: Account) -> Balance:
    """Return what stands on an account before its first event: only a blueprint is unbounded."""
    return Balance(None if account.kind == "blueprint" else ZERO)


class BudgetSet(NamedTuple):
    """A commit gave an account a cap, or (None) took it away; `note` says why when it is not plain."""

    account: Account
    cap: Microdollars | None
    note: str = ""


class JobMerged(NamedTuple):
    """A commit added a job that may cost `maximum` at most, charged to each of the accounts."""

    job: str
    accounts: tuple[Account, ...]
    maximum: Microdollars


class JobUnpriced(NamedTuple):
    """A commit added a job of which nobody can say what it may cost: it reserves nothing."""

    job: str
    reason: str


class JobConcluded(NamedTuple):
    """A commit added the certificate of a job, which used this much.

    When the certificate does not say so soundly, `used` is None, all that was reserved counts as
    used, and `note` says what is wrong.
    """

    job: str
    used: Microdollars | None
    note: str = ""


LedgerEvent = BudgetSet | JobMerged | JobUnpriced | JobConcluded


class Decision(NamedTuple):
    """Whether a merged job may run; `short` are the accounts that could not bear its maximum.

    `reason` is set when it could not be said what the job may cost.
    """

    job: JobMerged
    short: tuple[Account, ...] = ()
    reason: str = ""

    @property
    def admitted(self) -> bool:
        """Tell whether every account could bear the job."""
        return not self.short and not self.reason
