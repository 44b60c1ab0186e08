"""What the attempts of a run were and cost, as an executor that pays for machines keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from neurocaas_ci.errors import IntegrityError
from neurocaas_ci.stores.interface import StateStore


def attempts_key(job: str, run: str) -> str:
    """Return where the attempts of a run are kept."""
    return f"jobs/{job}/runs/{run}/attempts.json"


def read_attempts(state: StateStore, job: str, run: str) -> dict[str, Any] | None:
    """Return the document, or None; raise IntegrityError when it is not one.

    `cost_usd` is what all attempts have cost; `jobs` are the engine's jobs, each with its `id`.
    """
    key = attempts_key(job, run)
    data = state.read(key)
    if data is None:
        return None
    try:
        document: dict[str, Any] = json.loads(data)
        {float(document["cost_usd"]), *(row["id"] for row in document["jobs"])}
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"what the attempts of this run cost cannot be read: {error!r}",
            where=key,
            hint="remove this document; `neurocaas reconcile` asks the engine again",
        ) from error
    return document


def instance_of(document: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what is known of the machine of the last attempt: the one that gave the result.

    Beside what EC2 says of it, `container` is the image of the worker that ran there.
    """
    for row in reversed(document["jobs"]):
        if row.get("attempts"):
            instance = row["attempts"][-1].get("instance")
            return None if instance is None else {**instance, "container": row.get("image", "")}
    return None
