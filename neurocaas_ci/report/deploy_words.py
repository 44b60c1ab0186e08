"""What deploying says to people: plans, status, drift, what is left over; I/O is not handled here.

Every line that comes from here is printable.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from neurocaas_ci.model.deploy import (
    DeployStatus,
    Drifted,
    Leftover,
    PropertyChange,
    ResourceChange,
    StackPlan,
)
from neurocaas_ci.report.plain import printable

_SIGNS = {
    "create": "+", "update": "~", "replace": "-/+", "may replace": "-/+?", "unknown": "~?",
    "delete": "-", "keep": "o",
}  # fmt: skip
_VERBS = {
    "create": "create", "update": "update in place", "replace": "replace",
    "may replace": "may replace (AWS decides)", "unknown": "change (replacement unknown)",
    "delete": "delete", "keep": "let go of, but keep in the account",
}  # fmt: skip
_WAYS = {
    "no": "", "yes": "  (replaces it)", "maybe": "  (may replace it)",
    "unknown": "  (replacement unknown)",
}  # fmt: skip
_MOST_VALUE = 160
_COMMIT = 12


def plan_headline(plan: StackPlan) -> str:
    """Return in one line what a plan does."""
    if not plan.changes:
        return f"{plan.stack}: nothing changes"
    counts: Counter[str] = Counter(change.verb for change in plan.changes)
    words = [f"{counts[verb]} to {words}" for verb, words in _VERBS.items() if counts[verb]]
    return f"{plan.stack}: {', '.join(words)}"


def plan_sections(plan: StackPlan) -> list[tuple[str, list[str]]]:
    """Return the parts of a plan that are not empty: a title and lines each."""
    parts = []
    if plan.problems:
        parts.append(("This cannot be deployed", [printable(text) for text in plan.problems]))
    if plan.changes:
        lines = [line for change in plan.changes for line in _change_lines(change)]
        parts.append(("Resources", lines))
    if ended := [c.shown for c in plan.changes if c.verb in {"delete", "replace"} and _ends(c)]:
        text = "no job may be waiting or running in them; `deploy --apply` looks before it starts"
        parts.append(("Queues that go", [*map(printable, ended), text]))
    if plan.note:
        parts.append(("Not known", [plan.note]))
    return parts


def status_lines(status: DeployStatus) -> list[str]:
    """Return how a stack stands, a line each for sync and health."""
    since = f" since {shown_time(status.since)}" if status.since else ""
    health = f"{status.health}{since}" + (
        f": {status.health_reason}" if status.health_reason else ""
    )
    sync = status.sync + (f": {status.sync_reason}" if status.sync_reason else "")
    return [status.stack, f"  Sync    {printable(sync)}", f"  Health  {printable(health)}"]


def drift_lines(drifted: Sequence[Drifted]) -> list[str]:
    """Return what is in the cloud and in no commit."""
    if not drifted:
        return ["no drift: the cloud is as the templates say"]
    return [printable(f"{item.kind:8} {item.what}: {item.detail}") for item in drifted]


def leftover_lines(left: Sequence[Leftover], *, ended: bool) -> list[str]:
    """Return what should not be there any more, and what has been or would be done."""
    if not left:
        return ["nothing is left over"]
    does = "ended" if ended else "would end"
    return [
        printable(f"{does if item.ends else 'reported':9} {item.kind} {item.name}: {item.reason}")
        for item in left
    ]


def shown_time(moment: datetime | None) -> str:
    """Return a moment in UTC to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def change_document(change: ResourceChange) -> dict[str, Any]:
    """Return a change as JSON; `before` or `after` is left out where there is no value."""
    return {
        "name": change.shown,
        "logical_id": change.name,
        "type": change.type,
        "action": change.verb,
        "properties": [
            {
                "pointer": item.pointer,
                **({} if item.before is None else {"before": item.before}),
                **({} if item.after is None else {"after": item.after}),
                "replaces": item.replaces,
            }
            for item in change.properties
        ],
    }


def _change_lines(change: ResourceChange) -> Iterable[str]:
    kind = change.type.removeprefix("AWS::")
    yield printable(f"{_SIGNS[change.verb]} {kind} {change.shown}: {_VERBS[change.verb]}")
    for item in change.properties:
        yield printable(f"    {_property(item)}")


def _property(item: PropertyChange) -> str:
    return f"{item.pointer} {_value(item.before)} -> {_value(item.after)}{_WAYS[item.replaces]}"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]}..."


def _ends(change: ResourceChange) -> bool:
    return change.type == "AWS::Batch::JobQueue"
