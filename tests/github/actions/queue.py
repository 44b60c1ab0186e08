"""`concurrency`: which of the runs that wait at the same time are cancelled; pure.

https://docs.github.com/actions/concepts/workflows-and-actions/concurrency
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """One run that wants to start; without a group it stands in nobody's way."""

    group: str | None = None
    cancels: bool = False
    queues: bool = False


def cancelled(waiting: Sequence[Waiting]) -> set[int]:
    """Return the places of those that never get to their end, oldest first.

    The first of a group runs, and one may wait behind it; the next one takes the place of that
    which waits, and of that which runs if it says `cancel-in-progress`. `queue: max` keeps all.
    """
    gone: set[int] = set()
    running: dict[str, int] = {}
    pending: dict[str, int] = {}
    for place, run in enumerate(waiting):
        if run.group is None:
            continue
        group = run.group.lower()
        if run.cancels:
            gone |= {places[group] for places in (running, pending) if group in places}
            pending.pop(group, None)
            running[group] = place
        elif group not in running:
            running[group] = place
        elif not run.queues:
            if group in pending:
                gone.add(pending[group])
            pending[group] = place
    return gone
