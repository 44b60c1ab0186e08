"""Diagnoses as lines for people and as JSON; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from neurocaas_ci.model.diagnosis import Diagnosis, State
from neurocaas_ci.report.plain import printable

SCHEMA = "neurocaas/doctor/v1"


def as_text(found: Sequence[Diagnosis]) -> str:
    """Return one line per check, and the fix below what is not well."""
    width = max((len(one.check) for one in found), default=0)
    lines = []
    for one in found:
        lines.append(f"{one.state:<4}  {one.check.ljust(width)}  {printable(one.message)}")
        if one.state != "ok" and one.fix:
            lines.append(f"{' ' * (width + 8)}fix: {printable(one.fix)}")
    return "".join(f"{line}\n" for line in lines)


def as_json(found: Sequence[Diagnosis]) -> str:
    """Return all diagnoses as one JSON document."""
    document = {
        "schema": SCHEMA,
        "counts": {state: count(found, state) for state in ("ok", "warn", "fail")},
        "checks": [asdict(one) for one in found],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def count(found: Sequence[Diagnosis], state: State) -> int:
    """Return how many checks have a state."""
    return sum(one.state == state for one in found)
