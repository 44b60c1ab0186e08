"""Make the plan of a change, and say what the platform is once it is applied; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Sequence

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.plan import Plan
from neurocaas_ci.plan.actions import applied, plan_actions
from neurocaas_ci.plan.approvals import Asked, approvals
from neurocaas_ci.plan.jobs import BalanceOf, Certified, ExpectedOf, Published, plan_jobs
from neurocaas_ci.plan.state import PlatformState, everything, observe, touched
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change


def make_plan(
    base: Registry | None,
    head: Registry,
    changes: Sequence[Change] | None,
    *,
    author: Actor | None,
    errors: bool,
    balance_of: BalanceOf,
    certified: Certified,
    published: Published,
    expected_of: ExpectedOf | None = None,
    state: PlatformState | None = None,
    commits: tuple[str | None, str | None] = (None, None),
) -> Plan:
    """Return what merging `head` means for a platform that is in `state` (default: what `base` asks for).

    Only what `changes` name is looked at; None compares everything, and asks for no approval.
    `errors` tells whether something speaks against the change, `certified` whether a job has its
    certificate at `head`, `balance_of` what stands on an account before the change. The order of
    the changes does not matter.
    """
    ordered = None if changes is None else sorted(changes)
    if ordered is None:
        state = state or PlatformState()
        names = everything(head, state)
    else:
        names = touched(ordered, head)
        state = state or observe(base, names)
    jobs = plan_jobs(
        head,
        names,
        state,
        balance_of=balance_of,
        certified=certified,
        published=published,
        expected_of=expected_of,
    )
    asked = Asked(base, head, author, errors, jobs)
    found = approvals(asked, ordered or ())
    actions = plan_actions(head, names, state, jobs)
    return Plan(*commits, asked.author_name(found), actions, found)


def apply(plan: Plan, state: PlatformState) -> PlatformState:
    """Return the state of the platform once all actions of a plan for it were taken."""
    return applied(plan.actions, state)
