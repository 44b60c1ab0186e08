"""What the attempts of a run cost and where they were, kept beside the run's record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from neurocaas_ci.executors.batch.words import attempts_of
from neurocaas_ci.stores.interface import StateStore

_SCHEMA = "neurocaas/batch-attempts/v1"


def attempts_key(job: str, run: str) -> str:
    """Return where the attempts of a run are kept."""
    return f"jobs/{job}/runs/{run}/attempts.json"


def keep_attempts(
    state: StateStore, job: str, run: str, described: Mapping[str, Any], price: float
) -> float:
    """Add the attempts of an ended Batch job to those of its run; return what all have cost (USD).

    A Batch job that is there already is not counted twice.
    """
    key = attempts_key(job, run)
    earlier = json.loads(state.read(key) or b'{"jobs": []}')["jobs"]
    rows = [row for row in earlier if row["id"] != described["jobId"]]
    rows.append(
        {
            "id": described["jobId"],
            "log_stream": (described.get("container") or {}).get("logStreamName", ""),
            "attempts": [attempt._asdict() for attempt in attempts_of(described, price)],
        }
    )
    cost: float = round(sum(a["cost_usd"] for row in rows for a in row["attempts"]), 6)
    document = {"schema": _SCHEMA, "usd_per_hour": price, "cost_usd": cost, "jobs": rows}
    state.write(key, json.dumps(document, indent=1).encode())
    return cost
