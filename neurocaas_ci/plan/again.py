"""What a job holds beyond its reservation when runs of it are submitted again; no I/O here.

The merge reserves one attempt of each run. What machines that were taken away have cost comes on top,
and is known to the runner alone until the job's certificate charges it. So that amount is held, beside
the ledger, before a run is submitted again, and other jobs that do so have to leave it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import ZERO, Microdollars


class Held(NamedTuple):
    """An amount that a job holds on each of its accounts beyond what is reserved for it."""

    job: str
    accounts: tuple[Account, ...]
    amount: Microdollars


def beyond(committed: Microdollars, reserved: Microdollars) -> Microdollars:
    """Return how much of what a job has cost and may still cost is not reserved."""
    return Microdollars(max(ZERO, committed - reserved))


def short_of(
    wanted: Held, others: Iterable[Held], balance: Callable[[Account], Balance]
) -> tuple[Account, ...]:
    """Return the accounts that cannot bear what a job wants to hold, beside what others hold.

    What the job held before is not counted: `wanted` takes its place.
    """
    taken = [held for held in others if held.job != wanted.job]
    found = []
    for account in wanted.accounts:
        left = balance(account).left
        held = sum(one.amount for one in taken if account in one.accounts)
        if left is not None and wanted.amount > max(0, left - held):
            found.append(account)
    return tuple(found)
