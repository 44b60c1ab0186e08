"""A plan as a JSON document under a published schema; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import Microdollars, dollars
from neurocaas_ci.model.plan import (
    Action,
    Approval,
    BudgetLine,
    BuildIae,
    CancelJob,
    FieldChange,
    Plan,
    PlannedStep,
    PublishBlueprint,
    RetireBlueprint,
    RunJob,
    SetResource,
)
from neurocaas_ci.report.plan_words import admitted

SCHEMA = "neurocaas/plan/v1"


def as_json(plan: Plan) -> str:
    """Return the plan as schemas/plan.v1.json describes it; amounts are US dollars."""
    runs = admitted(plan)
    known = [run.expected for run in runs if run.expected is not None]
    document = {
        "schema": SCHEMA,
        "base": plan.base,
        "head": plan.head,
        "author": plan.author,
        "level": plan.level,
        "maximum_usd": dollars(sum(run.maximum for run in runs)),
        "expected_usd": dollars(sum(known)) if len(known) == len(runs) else None,
        "actions": [_action(action) for action in plan.actions],
        "approvals": [_approval(approval) for approval in plan.approvals],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _action(action: Action) -> dict[str, Any]:
    match action:
        case BuildIae():
            return {
                "action": "build",
                "name": action.name,
                "recipe": action.recipe,
                "image": action.image,
                "why": action.why,
            }
        case PublishBlueprint():
            return {
                "action": "publish",
                "name": action.name,
                "version": action.version,
                "previous": action.previous,
                "changes": _changes(action.changes),
            }
        case RetireBlueprint():
            return {"action": "retire", "name": action.name, "version": action.version}
        case SetResource():
            return {
                "action": action.verb,
                "kind": action.kind,
                "name": action.name,
                "changes": _changes(action.changes),
            }
        case RunJob():
            return _run(action)
        case CancelJob():
            return {
                "action": "cancel",
                "job": action.job,
                "reason": action.reason,
                "maximum_usd": _usd(action.maximum),
            }


def _run(action: RunJob) -> dict[str, Any]:
    return {
        "action": "run",
        "job": action.job,
        "admitted": not action.short,
        "blueprint": action.blueprint,
        "version": action.version,
        "maximum_usd": dollars(action.maximum),
        "expected_usd": _usd(action.expected),
        "sample": action.sample,
        "steps": [_step(step) for step in action.steps],
        "budgets": [_budget(line) for line in action.budgets],
        "short": [_account(account) for account in action.short],
    }


def _step(step: PlannedStep) -> dict[str, Any]:
    return {
        "step": step.step,
        "hardware": step.hardware,
        "runs": step.runs,
        "seconds": step.seconds,
        "price_usd_per_hour": dollars(step.price),
        "price_date": step.priced,
        "maximum_usd": dollars(step.maximum),
    }


def _budget(line: BudgetLine) -> dict[str, Any]:
    return {
        **_account(line.account),
        "before": _balance(line.before),
        "after": _balance(line.after),
    }


def _account(account: Account) -> dict[str, Any]:
    return {"kind": account.kind, "name": account.name}


def _balance(balance: Balance) -> dict[str, Any]:
    return {
        "cap_usd": _usd(balance.cap),
        "spent_usd": dollars(balance.spent),
        "reserved_usd": dollars(balance.reserved),
        "left_usd": _usd(balance.left),
    }


def _usd(amount: Microdollars | None) -> float | None:
    return None if amount is None else dollars(amount)


def _changes(changes: Sequence[FieldChange]) -> list[dict[str, Any]]:
    """Return the fields; `before` or `after` is left out where there is no value."""
    return [
        {
            "pointer": change.pointer,
            **({} if change.before is None else {"before": json.loads(change.before)}),
            **({} if change.after is None else {"after": json.loads(change.after)}),
        }
        for change in changes
    ]


def _approval(approval: Approval) -> dict[str, Any]:
    return {
        "path": approval.path,
        "old_path": approval.old_path,
        "status": approval.status,
        "level": approval.level,
        "reason": approval.reason,
        "approvers": list(approval.approvers),
    }
