"""Deployments as text, JSON and Markdown; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from neurocaas_ci.model.deploy import DeployStatus, Drifted, Leftover, StackPlan
from neurocaas_ci.report.deploy_words import (
    change_document,
    drift_lines,
    leftover_lines,
    plan_headline,
    plan_sections,
    shown_time,
    status_lines,
)
from neurocaas_ci.report.markdown import block

MAX_BYTES = 60_000
"""Forges cut a comment off near 65,000 characters."""

_FOLDED = 12


def plan_text(plan: StackPlan) -> str:
    """Return a plan for a terminal."""
    lines = [plan_headline(plan)]
    for title, part in plan_sections(plan):
        lines += ["", title, *(f"  {line}" for line in part)]
    return "\n".join(lines) + "\n"


def plan_markdown(plan: StackPlan, most: int = MAX_BYTES) -> str:
    """Return a plan as a comment of at most `most` bytes; what is left out is said."""
    parts = [f"**Cloud:** {plan_headline(plan)}"]
    room = most - len(parts[0].encode()) - 1_000
    for title, lines in plan_sections(plan):
        kept = []
        for line in lines:
            room -= len(line.encode()) + 1
            if room < 0:
                break
            kept.append(line)
        body = block(kept)
        if len(kept) < len(lines):
            body += (
                f"\n\n**Truncated:** {len(lines) - len(kept)} more lines; `neurocaas deploy --plan` "
                "prints all of them."
            )
        if len(lines) > _FOLDED:
            summary = f"<summary>{title} ({len(lines)} lines)</summary>"
            body = f"<details>\n{summary}\n\n{body}\n\n</details>"
        else:
            body = f"### {title}\n\n{body}"
        parts.append(body)
    return "\n\n".join(parts) + "\n"


def plan_json(plan: StackPlan) -> str:
    """Return a plan as a document; commits are null where files lie in a folder."""
    return _document(
        "neurocaas/deploy-plan/v1",
        stack=plan.stack,
        base=plan.base,
        head=plan.head,
        problems=list(plan.problems),
        note=plan.note,
        changes=[change_document(change) for change in plan.changes],
    )


def status_text(statuses: Sequence[DeployStatus]) -> str:
    """Return how the stacks stand for a terminal."""
    return "".join(f"{line}\n" for status in statuses for line in status_lines(status))


def status_json(statuses: Sequence[DeployStatus]) -> str:
    """Return how the stacks stand as a document."""
    return _document(
        "neurocaas/deploy-status/v1",
        stacks=[
            {
                "stack": item.stack,
                "sync": item.sync,
                "sync_reason": item.sync_reason,
                "health": item.health,
                "health_reason": item.health_reason,
                "since": shown_time(item.since) or None,
                "deployed": item.deployed or None,
                "wanted": item.wanted or None,
            }
            for item in statuses
        ],
    )


def drift_text(drifted: Sequence[Drifted]) -> str:
    """Return drift for a terminal."""
    return "\n".join(drift_lines(drifted)) + "\n"


def drift_json(drifted: Sequence[Drifted]) -> str:
    """Return drift as a document."""
    return _document("neurocaas/deploy-drift/v1", drifted=[item._asdict() for item in drifted])


def leftovers_text(left: Sequence[Leftover], *, ended: bool) -> str:
    """Return for a terminal what is left over, and whether it has been ended."""
    return "\n".join(leftover_lines(left, ended=ended)) + "\n"


def leftovers_json(left: Sequence[Leftover], *, ended: bool) -> str:
    """Return what is left over as a document."""
    return _document(
        "neurocaas/deploy-leftovers/v1", ended=ended, leftovers=[item._asdict() for item in left]
    )


def _document(schema: str, **content: Any) -> str:
    return json.dumps({"schema": schema, **content}, indent=2, allow_nan=False) + "\n"
