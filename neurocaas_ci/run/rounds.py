"""Attend to many jobs at once: look at each in turn and wait for none of them alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from neurocaas_ci.executors.waiting import FIRST_PAUSE_S, GROWTH, PATIENCE_S

J = TypeVar("J")
R = TypeVar("R")


def in_rounds(
    jobs: Sequence[J], look: Callable[[J], tuple[R | None, bool]], slowest: float
) -> Iterator[R]:
    """Yield one result for each job, in the order in which they come.

    `look` returns the result of a job, or None while there is none, and whether anything has
    moved since the last look: then the next round comes soon, otherwise later and later, up to
    `slowest` seconds.
    """
    pause = FIRST_PAUSE_S
    waiting = list(jobs)
    while waiting:
        moved, left = False, list[J]()
        for job in waiting:
            result, news = look(job)
            moved = moved or news
            if result is None:
                left.append(job)
            else:
                yield result
        waiting = left
        pause = FIRST_PAUSE_S if moved else pause * GROWTH
        if waiting:
            time.sleep(min(pause, slowest))


class Patience:
    """How long an engine, or a store, that does not answer is borne: ten minutes in a row."""

    def __init__(self) -> None:
        self._since: float | None = None

    def answered(self) -> None:
        """Begin anew."""
        self._since = None

    def ended(self) -> bool:
        """Tell, after one more failure, whether it has lasted too long."""
        now = time.monotonic()
        self._since = self._since or now
        return now - self._since > PATIENCE_S
