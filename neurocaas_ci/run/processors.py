"""Who may use processors now: a counting lock that is taken several at a time, in order."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class Processors:
    """A number of processors; whoever asks first is served first, so nobody starves."""

    def __init__(self, count: int) -> None:
        self._free = self._count = count
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def take(self, count: int) -> Iterator[None]:
        """Hold `count` processors (at most all there are) for a while."""
        count = min(count, self._count)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            while self._waiting[0] is not ticket or self._free < count:
                self._changed.wait()
            self._waiting.popleft()
            self._free -= count
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += count
                self._changed.notify_all()
