"""Bring commits into the books: the pure fold decides, rows remember what it decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from neurocaas_ci.ledger.events import Published
from neurocaas_ci.ledger.index import Index
from neurocaas_ci.ledger.rows import (
    CommitRow,
    EndRow,
    EntryRow,
    JobRow,
    VersionRow,
    What,
    write_accounts,
)
from neurocaas_ci.ledger.view import View
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
from neurocaas_ci.model.money import show
from neurocaas_ci.plan.ledger import Ledger


def shortage(decision: Decision, balance_of: Callable[[Account], Balance]) -> str:
    """Return for people which account cannot bear a job, by how much."""
    parts = []
    for account in decision.short:
        balance = balance_of(account)
        parts.append(f"{account} has {show(balance.left or 0)} of {show(balance.cap or 0)} left")
    return f"it may cost {show(decision.job.maximum)}, {', '.join(parts)}"


class Fold:
    """Takes events in order; `view` is where earlier rows are found, and `top` takes the new ones.

    `top` must be the first layer of the view, without a bound.
    """

    def __init__(self, view: View, top: Index) -> None:
        self._view, self._top = view, top
        self._ledger = Ledger(view.balance, view.reservation)
        self._position = self._number = 0

    def commit(self, row: CommitRow, events: Iterable[LedgerEvent | Published]) -> None:
        """Take a commit; events that depend on earlier ones of it are made one at a time."""
        self._position, self._number = row.position, 0
        self._top.add(row)
        for event in events:
            if isinstance(event, Published):
                self._publish(event)
            elif isinstance(event, BudgetSet):
                self._budget(event)
            elif isinstance(event, JobConcluded):
                self._conclude(event)
            else:
                self._merge(event)

    def bounded(self, account: Account) -> bool:
        """Tell whether an account has a cap by now."""
        return self._ledger.balance(account).cap is not None

    def _publish(self, event: Published) -> None:
        if self._view.version(event.name, event.version) is None:
            self._top.add(VersionRow(event.name, event.version, self._position, event.blob))

    def _budget(self, event: BudgetSet) -> None:
        account = event.account
        # A line where nothing changes says only that a person's account exists.
        opens = account.kind != "blueprint" and self._view.last(account) is None
        if event.cap == self._ledger.balance(account).cap and not opens:
            return
        self._ledger.apply(event)
        self._entry(account, "budget", note=event.note)

    def _merge(self, event: JobMerged | JobUnpriced) -> None:
        if self._view.job(event.job) is not None:
            # What was decided stays decided, whatever becomes of the manifest.
            return
        decision = self._ledger.apply(event)
        if decision is None:
            return
        accounts = decision.job.accounts
        if isinstance(event, JobUnpriced):
            accounts = (Account("user", event.job.partition("/")[0]),)
        self._top.add(
            JobRow(
                event.job,
                self._position,
                decision.job.maximum,
                write_accounts(decision.job.accounts),
                write_accounts(decision.short),
                decision.reason,
            )
        )
        for account in accounts:
            if decision.admitted:
                self._entry(account, "reserved", event.job, reserved=decision.job.maximum)
            else:
                self._entry(account, "refused", event.job, note=self._why(decision))

    def _conclude(self, event: JobConcluded) -> None:
        decision = self._view.decision(event.job)
        if decision is None or self._view.end(event.job) is not None:
            return
        reserved = self._ledger.reservation(event.job)
        self._ledger.apply(event)
        self._top.add(EndRow(event.job, self._position, event.used))
        if reserved is None:
            if event.used:
                note = f"refused, yet the certificate says that it used {show(event.used)}"
                for account in decision.job.accounts:
                    self._entry(account, "concluded", event.job, note=note)
            return
        maximum = reserved.maximum
        charged = maximum if event.used is None else event.used
        note = event.note
        if event.used is not None and event.used > maximum:
            note = f"used {show(event.used - maximum)} more than was reserved"
        for account in reserved.accounts:
            self._entry(
                account, "concluded", event.job, charged=charged, refunded=max(maximum - charged, 0),
                note=note,
            )  # fmt: skip

    def _why(self, decision: Decision) -> str:
        return decision.reason or shortage(decision, self._ledger.balance)

    def _entry(
        self,
        account: Account,
        what: What,
        job: str = "",
        *,
        reserved: int = 0,
        charged: int = 0,
        refunded: int = 0,
        note: str = "",
    ) -> None:
        now = self._ledger.balance(account)
        self._top.add(
            EntryRow(
                account.kind, account.name, self._position, self._number, what, job, reserved,
                charged, refunded, now.cap, now.spent, now.reserved, note,
            )
        )  # fmt: skip
        self._number += 1
