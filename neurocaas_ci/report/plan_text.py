"""A plan as plain text; I/O is not handled here."""

from __future__ import annotations

from neurocaas_ci.model.plan import Plan
from neurocaas_ci.report.plan_words import headline, sections


def as_text(plan: Plan) -> str:
    """Return what happens, what it costs at most and who has to approve, then everything in full."""
    lines = list(headline(plan))
    for title, part in sections(plan):
        lines += ["", title, *(f"  {line}" for line in part)]
    return "\n".join(lines) + "\n"
