"""NC-M001: a job fits the budgets that pay for it; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.ledger import Account, BudgetSet, JobMerged
from neurocaas_ci.model.money import Microdollars, bound, enough, microdollars, show
from neurocaas_ci.model.registry import Job
from neurocaas_ci.model.units import format_duration
from neurocaas_ci.plan.cost import StepCost, step_costs, total
from neurocaas_ci.plan.ledger import Ledger
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.document import Document
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.touched import added

_MINUTE = 60


class JobWithinBudget(Rule):
    """A new job fits the budget of its user, of its group, and of its blueprint.

    What is spent, what unfinished jobs have reserved, and the greatest possible cost of the job have
    to fit together. The jobs of one change are counted in the order of their paths.

    Fix: write a shorter `max_runtime`, submit fewer datasets, or have the budget raised.
    """

    id = "NC-M001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per job and account that cannot bear it."""
        if context.balance_of is None:
            return
        ledger = Ledger(context.balance_of)
        head = context.head
        known: set[Account] = set()
        new = (change.path for change in added(context, "registry/jobs"))
        for path in sorted(path for path in new if head.is_job(path)):
            loaded = head.job(path)
            job = loaded.value
            blueprint = None if job is None else context.blueprint_of(job)
            if job is None or blueprint is None or job.cancelled is not None:
                continue
            costs = step_costs(blueprint, job, lambda name: head.hardware(name).value)
            if costs is None:
                continue
            # Nobody need be asked what stands on an account without a bound.
            accounts = tuple(a for a in _accounts(job) if _cap(head, a) is not None)
            for account in accounts:
                if account not in known:
                    known.add(account)
                    ledger.apply(BudgetSet(account, _cap(head, account)))
            merged = JobMerged(job.id, accounts, total(costs))
            decision = ledger.apply(merged)
            for account in decision.short if decision else ():
                yield self._short(ledger, merged, account, loaded.document, blueprint, costs)

    def _short(
        self,
        ledger: Ledger,
        job: JobMerged,
        account: Account,
        document: Document,
        blueprint: Blueprint,
        costs: Sequence[StepCost],
    ) -> Finding:
        balance = ledger.balance(account)
        left = balance.left or 0
        need = balance.spent + balance.reserved + job.maximum
        fix = f"a budget of {enough(need)} USD would do"
        seconds = _affordable(blueprint, costs, left)
        if seconds:
            fix = f"write `max_runtime: {format_duration(seconds)}` at most; {fix}"
        return self.finding(
            document.locate([account.kind]),
            f"the job may cost {show(job.maximum)}, but the {account} has {show(left)} left "
            f"(spent {show(balance.spent)} and reserved {show(balance.reserved)} "
            f"of {show(balance.cap or 0)})",
            fix,
        )


def _accounts(job: Job) -> tuple[Account, ...]:
    group = () if job.group is None else (Account("group", job.group),)
    return (Account("user", job.user), *group, Account("blueprint", job.blueprint))


def _cap(head: Registry, account: Account) -> Microdollars | None:
    usd: float | None = None
    if account.kind == "user" and (user := head.user(account.name).value):
        usd = user.budget_usd
    if account.kind == "group" and (group := head.group(account.name).value):
        usd = group.budget_usd
    if account.kind == "blueprint" and (blueprint := head.blueprint(account.name).value):
        usd = blueprint.limits.budget_usd
    return None if usd is None else microdollars(usd)


def _affordable(blueprint: Blueprint, costs: Sequence[StepCost], left: int) -> int:
    """Return the longest time per run, in whole minutes of seconds, that costs no more than `left`."""
    longest = {step.id: step.max_runtime for step in blueprint.steps}
    low, high = 0, max(longest.values()) // _MINUTE
    while low < high:
        minutes = (low + high + 1) // 2
        cost = sum(
            bound(cost.price, min(longest[cost.step], minutes * _MINUTE), cost.runs)
            for cost in costs
        )
        low, high = (minutes, high) if cost <= left else (low, minutes - 1)
    return low * _MINUTE
