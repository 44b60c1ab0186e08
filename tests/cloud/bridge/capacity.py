"""How many processors of a queue's compute environments are taken."""

from __future__ import annotations

from collections import Counter


class Capacity:
    """Count vCPUs by queue; the caller holds the engine's lock."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()

    def take(self, queue: str, vcpus: int, limit: int) -> bool:
        """Take processors if they are free."""
        if self._taken[queue] + vcpus > limit:
            return False
        self._taken[queue] += vcpus
        self.peak[queue] = max(self.peak[queue], self._taken[queue])
        return True

    def give(self, queue: str, vcpus: int) -> None:
        """Give them back."""
        self._taken[queue] -= vcpus
