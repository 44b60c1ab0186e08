"""Fold the events of main's history into balances and decisions; I/O is not handled here.

A job is decided once, by the commit that merged it: it is admitted when every account that pays can
bear its maximum beside what is spent and reserved, and refused for good otherwise. So the sum of
what was spent and what is reserved never exceeds a cap, whatever happens in between, with two
exceptions: a cap may be lowered below it, and a job may have used more than was reserved for it. A
concluded job is charged what it used, because that was paid, and gives back the rest.
"""

from __future__ import annotations

from collections.abc import Callable

from neurocaas_ci.model.ledger import (
    Account,
    Balance,
    BudgetSet,
    Decision,
    JobConcluded,
    JobMerged,
    JobUnpriced,
    LedgerEvent,
)
from neurocaas_ci.model.money import ZERO, Microdollars


class Ledger:
    """Balances and open reservations; both are asked for when an event needs them, and kept.

    `balance_of` and `open_job` continue from an earlier state; without them all is empty.
    """

    def __init__(
        self,
        balance_of: Callable[[Account], Balance] = lambda _: Balance(),
        open_job: Callable[[str], JobMerged | None] = lambda _: None,
    ) -> None:
        self._balance_of = balance_of
        self._open_job = open_job
        self.balances: dict[Account, Balance] = {}
        self.reservations: dict[str, JobMerged | None] = {}

    def balance(self, account: Account) -> Balance:
        """Return what stands on an account now."""
        if account not in self.balances:
            self.balances[account] = self._balance_of(account)
        return self.balances[account]

    def reservation(self, job: str) -> JobMerged | None:
        """Return the job while money is reserved for it."""
        if job not in self.reservations:
            self.reservations[job] = self._open_job(job)
        return self.reservations[job]

    def apply(self, event: LedgerEvent) -> Decision | None:
        """Take the next event; return the decision on a merged job."""
        if isinstance(event, BudgetSet):
            self.balances[event.account] = self.balance(event.account)._replace(cap=event.cap)
            return None
        if isinstance(event, JobConcluded):
            self._conclude(event)
            return None
        if isinstance(event, JobUnpriced):
            return Decision(JobMerged(event.job, (), ZERO), reason=event.reason)
        decision = self.decide(event)
        if decision.admitted:
            self.reservations[event.job] = event
            for account in event.accounts:
                self._move(account, reserved=event.maximum)
        return decision

    def decide(self, job: JobMerged) -> Decision:
        """Return what would become of a job, without reserving anything."""
        short = []
        for account in job.accounts:
            left = self.balance(account).left
            # What costs nothing is borne by every account, also by one that is overdrawn.
            if left is not None and job.maximum > max(left, 0):
                short.append(account)
        return Decision(job, tuple(short))

    def _conclude(self, event: JobConcluded) -> None:
        job = self.reservation(event.job)
        if job is None:
            return
        self.reservations[event.job] = None
        used = job.maximum if event.used is None else event.used
        for account in job.accounts:
            self._move(account, reserved=-job.maximum, spent=used)

    def _move(self, account: Account, *, reserved: int = 0, spent: int = 0) -> None:
        before = self.balance(account)
        self.balances[account] = Balance(
            before.cap,
            Microdollars(before.spent + spent),
            Microdollars(before.reserved + reserved),
        )
