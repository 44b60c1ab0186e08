"""Keep what the attempts of a run cost and where they were, beside the run's record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from neurocaas_ci.executors.attempts import attempts_key, read_attempts
from neurocaas_ci.executors.batch.words import attempts_of
from neurocaas_ci.executors.submissions import Submission
from neurocaas_ci.stores.interface import StateStore

_SCHEMA = "neurocaas/batch-attempts/v1"


def keep_attempts(
    state: StateStore,
    job: str,
    run: str,
    described: Mapping[str, Any],
    price: float,
    instances: Mapping[str, Mapping[str, str]] | None = None,
) -> float:
    """Add the attempts of an ended Batch job to those of its run; return what all have cost (USD).

    A Batch job that is there already is not counted twice. `instances` is what EC2 says of machines.
    """
    earlier = (read_attempts(state, job, run) or {"jobs": []})["jobs"]
    rows = [row for row in earlier if row["id"] != described["jobId"]]
    rows.append(
        {
            "id": described["jobId"],
            "log_stream": (described.get("container") or {}).get("logStreamName", ""),
            "image": (described.get("container") or {}).get("image", ""),
            "attempts": [a._asdict() for a in attempts_of(described, price, instances)],
        }
    )
    cost: float = round(sum(a["cost_usd"] for row in rows for a in row["attempts"]), 6)
    document = {"schema": _SCHEMA, "usd_per_hour": price, "cost_usd": cost, "jobs": rows}
    state.write(attempts_key(job, run), json.dumps(document, indent=1).encode())
    return cost


def without_attempts(
    state: StateStore,
    job: str,
    submissions: Sequence[Submission],
    places: Mapping[str, str],
    runs: Collection[str],
) -> set[str]:
    """Return those of the runs whose newest Batch job, by its place, is not among the kept ones."""
    submitted = [run for run in runs if run in places]
    if not submitted:
        return set()
    kept = set(state.keys(f"jobs/{job}/runs"))
    times = Counter(run for one in submissions for run in one.runs)
    found: set[str] = set()
    for run in submitted:
        if attempts_key(job, run) in kept:
            # Of one that was submitted once, what is kept can only be of that.
            document = read_attempts(state, job, run) if times[run] > 1 else None
            if document is None or any(row["id"] == places[run] for row in document["jobs"]):
                continue
        found.add(run)
    return found
