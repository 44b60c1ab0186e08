"""What AWS Batch promises about dependencies, retries and arrays; no I/O here.

Sources: the API reference of SubmitJob, RetryStrategy/EvaluateOnExit and ArrayProperties.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

ENDED = frozenset({"SUCCEEDED", "FAILED"})
TIMED_OUT = "Job attempt duration exceeded timeout"
EXITED = "Essential container in task exited"
DEPENDENCY_FAILED = "Dependent Job failed"


class AttemptEnd(NamedTuple):
    """How one attempt ended; `final` means that no rule may start another."""

    code: int | None
    status_reason: str
    reason: str = ""
    final: bool = False

    @property
    def succeeded(self) -> bool:
        return self.code == 0 and self.status_reason == EXITED


def needed(depends_on: Iterable[Mapping[str, str]], job_id: str, index: int | None) -> list[str]:
    """Return the ids of the jobs (or tasks) that must succeed before this one starts."""
    ids: list[str] = []
    for dependency in depends_on:
        kind, other = dependency.get("type"), dependency.get("jobId", "")
        if kind == "SEQUENTIAL":
            if index:
                ids.append(f"{job_id.partition(':')[0]}:{index - 1}")
        elif kind == "N_TO_N" and index is not None:
            ids.append(f"{other}:{index}")
        else:
            ids.append(other)
    return ids


def array_status(children: Sequence[str]) -> str:
    """Return the state of an array from those of its tasks."""
    if all(status in ENDED for status in children):
        return "FAILED" if "FAILED" in children else "SUCCEEDED"
    return "PENDING"


def retries(strategy: Mapping[str, object] | None, attempt: int, end: AttemptEnd) -> bool:
    """Tell whether another attempt follows; the first rule that fits decides, none means yes."""
    attempts = int(str((strategy or {}).get("attempts") or 1))
    if end.final or attempt >= attempts:
        return False
    rules = (strategy or {}).get("evaluateOnExit") or []
    assert isinstance(rules, list)
    found = {
        "onStatusReason": end.status_reason,
        "onReason": end.reason,
        "onExitCode": "" if end.code is None else str(end.code),
    }
    for rule in rules:
        asked = {name: rule[name] for name in found if name in rule}
        # In the API a pattern may only end with an asterisk; fnmatch knows that and more.
        if all(fnmatch.fnmatchcase(found[name], str(p)) for name, p in asked.items()):
            return str(rule["action"]).upper() == "RETRY"
    return True
