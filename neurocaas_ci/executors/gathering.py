"""Ask an engine once for what many ask of it: the jobs of one pass look together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Generic, TypeVar

V = TypeVar("V")


class Gathering(Generic[V]):
    """A question about keys, of which one answer serves all who ask soon after each other.

    An answer is good for `fresh` seconds. When it has become too old, `ask` is called for the keys
    in question and for all others that somebody has asked for since the last time: those who look
    in turns get one common answer per turn. Who does not ask any more is forgotten.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Mapping[str, V]], fresh: float) -> None:
        self._ask, self._fresh = ask, fresh
        self._lock = threading.Lock()
        self._since = -float("inf")
        self._answers: dict[str, V] = {}
        self._answered: frozenset[str] = frozenset()
        self._wanted: set[str] = set()

    def __call__(self, keys: Collection[str]) -> dict[str, V]:
        """Return the answers for the keys; a key without an answer is left out."""
        with self._lock:
            asked = set(keys)
            if time.monotonic() - self._since > self._fresh:
                every = asked | self._wanted
                self._answers = dict(self._ask(sorted(every)))
                self._answered, self._wanted = frozenset(every), set()
                self._since = time.monotonic()
            elif missing := asked - self._answered:
                self._answers |= self._ask(sorted(missing))
                self._answered = self._answered | missing
            self._wanted |= asked
            return {key: self._answers[key] for key in keys if key in self._answers}
