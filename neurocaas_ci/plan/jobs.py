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
ExpectedOf = Callable[[Job, tuple[PlannedStep, ...]], tuple[Microdollars, int] | None]
"""Job and its steps -> expected cost of the job, and how many earlier runs say so."""

_MANY = 1_000


@dataclass(slots=True)
class JobPlan:
    """The jobs to run and to stop, in order; `unplaced` says why others cannot run."""

    runs: list[RunJob] = field(default_factory=list)
    stops: list[CancelJob] = field(default_factory=list)
    unplaced: dict[str, str] = field(default_factory=dict)


def plan_jobs(  # noqa: C901, PLR0912 - one case per state of a job
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
    found = JobPlan()
    for job in sorted(names.jobs):
        known = job in state.jobs
        if certified(job):
            if not known:
                found.unplaced[job] = "it has a certificate already"
            continue
        loaded = head.job(job)
        value = loaded.value
        if len(names.jobs) > _MANY:
            # A whole registry does not fit into memory at once.
            head.forget([loaded.document.path])
        if value is None:
            if loaded.exists:
                found.unplaced[job] = "its manifest cannot be read"
        elif value.id != job:
            # Nobody is charged by a manifest in somebody else's folder.
            found.unplaced[job] = f"its manifest is that of {value.id}"
        elif value.cancelled is not None:
            if known and state.jobs[job] is None:
                costs = _costs(head, value, published)
                most = None if costs is None else total(costs)
                found.stops.append(CancelJob(job, value.cancelled, most))
        elif not known:
            costs = _costs(head, value, published)
            if costs is None:
                found.unplaced[job] = "its runs or their price cannot be told"
            else:
                found.runs.append(_run(head, job, value, costs, ledger, expected_of))
    return found


def _run(
    head: Registry,
    job: str,
    value: Job,
    costs: tuple[StepCost, ...],
    ledger: Ledger,
    expected_of: ExpectedOf | None,
) -> RunJob:
    steps = tuple(
        PlannedStep(c.step, c.hardware, c.runs, c.seconds, c.price, c.maximum, c.priced)
        for c in costs
    )
    maximum = total(costs)
    accounts = _accounts(head, value)
    before = [ledger.balance(account) for account in accounts]
    decision = ledger.apply(JobMerged(job, accounts, maximum))
    expected, sample = None, 0
    if expected_of and (found := expected_of(value, steps)):
        expected, sample = found
    budgets = tuple(
        BudgetLine(account, b, b._replace(reserved=Microdollars(b.reserved + maximum)))
        for account, b in zip(accounts, before, strict=True)
    )
    short = () if decision is None else decision.short
    return RunJob(
        job, value.blueprint, value.version, steps, maximum, expected, sample, budgets, short
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
