"""Which jobs a change runs and stops, and what that costs; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.ledger import Account, Balance, BudgetSet, JobMerged
from neurocaas_ci.model.money import ZERO, Microdollars, microdollars
from neurocaas_ci.model.plan import BudgetLine, CancelJob, PlannedStep, RunJob
from neurocaas_ci.model.registry import Job
from neurocaas_ci.plan.cost import StepCost, step_costs, total
from neurocaas_ci.plan.ledger import Ledger
from neurocaas_ci.plan.state import PlatformState, Touched
from neurocaas_ci.registry import Registry

BalanceOf = Callable[[Account], Balance]
Certified = Callable[[str], bool]
Published = Callable[[str, str], Blueprint | None]
ExpectedOf = Callable[[str, tuple[PlannedStep, ...]], tuple[Microdollars, int] | None]
"""Blueprint and steps -> expected cost of the job, and how many earlier runs say so."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The jobs to run and to stop, in order; `unplaced` says why others cannot run."""

    runs: tuple[RunJob, ...] = ()
    stops: tuple[CancelJob, ...] = ()
    unplaced: dict[str, str] = field(default_factory=dict)


def plan_jobs(
    head: Registry,
    names: Touched,
    state: PlatformState,
    *,
    balance_of: BalanceOf,
    certified: Certified,
    published: Published,
    expected_of: ExpectedOf | None = None,
) -> JobPlan:
    """Decide on the named jobs in the order of their paths; the caps of `head` are set first."""
    ledger = Ledger(balance_of=balance_of)
    for event in _caps(head, names):
        ledger.apply(event)
    runs: list[RunJob] = []
    stops: list[CancelJob] = []
    unplaced: dict[str, str] = {}
    for job in sorted(names.jobs):
        loaded = head.job(job)
        value = loaded.value
        if value is None:
            if loaded.exists:
                unplaced[job] = "its manifest cannot be read"
            continue
        if certified(job):
            if job not in state.jobs:
                unplaced[job] = "it has a certificate already"
            continue
        costs = _costs(head, value, published)
        if value.cancelled is not None:
            if job in state.jobs and state.jobs[job] is None:
                stops.append(
                    CancelJob(job, value.cancelled, None if costs is None else total(costs))
                )
        elif job not in state.jobs:
            if costs is None:
                unplaced[job] = "its runs or their price cannot be told"
            else:
                runs.append(_run(head, job, value, costs, ledger, expected_of))
    return JobPlan(tuple(runs), tuple(stops), unplaced)


def _run(
    head: Registry,
    job: str,
    value: Job,
    costs: tuple[StepCost, ...],
    ledger: Ledger,
    expected_of: ExpectedOf | None,
) -> RunJob:
    steps = tuple(
        PlannedStep(c.step, c.hardware, c.runs, c.seconds, c.price, c.maximum) for c in costs
    )
    maximum = total(costs)
    accounts = _accounts(head, value)
    before = [ledger.balance(account) for account in accounts]
    decision = ledger.apply(JobMerged(job, accounts, maximum))
    expected = expected_of(value.blueprint, steps) if expected_of else None
    return RunJob(
        job,
        value.blueprint,
        value.version,
        steps,
        maximum,
        *(expected or (None, 0)),
        budgets=tuple(
            BudgetLine(account, b, Balance(b.cap, b.spent, Microdollars(b.reserved + maximum)))
            for account, b in zip(accounts, before, strict=True)
        ),
        short=() if decision is None else decision.short,
    )


def _accounts(head: Registry, job: Job) -> tuple[Account, ...]:
    accounts = [Account("user", job.user)]
    if job.group is not None:
        accounts.append(Account("group", job.group))
    # Whatever version runs, the newest one says whether the analysis has a budget.
    blueprint = head.blueprint(job.blueprint).value
    if blueprint is not None and blueprint.limits.budget_usd is not None:
        accounts.append(Account("blueprint", job.blueprint))
    return tuple(accounts)


def _costs(head: Registry, job: Job, published: Published) -> tuple[StepCost, ...] | None:
    blueprint = head.blueprint(job.blueprint).value
    if blueprint is None or blueprint.version != job.version:
        blueprint = published(job.blueprint, job.version)
    if blueprint is None:
        return None
    return step_costs(blueprint, job, lambda name: head.hardware(name).value)


def _caps(head: Registry, names: Touched) -> list[BudgetSet]:
    """Return the caps that the changed files set; one that cannot be read gives nothing."""
    caps = []
    for kind, name in sorted(names.resources):
        if kind in {"user", "group"}:
            value = head.user(name).value if kind == "user" else head.group(name).value
            cap = ZERO if value is None else microdollars(value.budget_usd)
            caps.append(BudgetSet(Account("user" if kind == "user" else "group", name), cap))
    for name in sorted(names.blueprints):
        blueprint = head.blueprint(name).value
        usd = None if blueprint is None else blueprint.limits.budget_usd
        caps.append(
            BudgetSet(Account("blueprint", name), None if usd is None else microdollars(usd))
        )
    return caps
