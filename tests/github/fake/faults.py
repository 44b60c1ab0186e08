"""What goes wrong on purpose: errors, limits, slowness, lost answers, lists that are cut."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)


@dataclass(slots=True)
class Fault:
    """A fault of an operation (`pulls/merge`, `pulls/*`, `smart-http/receive-pack`); `times` None is for ever.

    `error` answers with `status` and does nothing. `slow` waits first. `drop` closes the connection:
    `after` the effect, so that only the answer is lost, or before it. `truncate` cuts lists.
    """

    kind: Literal["error", "slow", "drop", "truncate"]
    operation: str
    times: int | None = 1
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 0.0
    after: bool = True
    keep: int = 0

    @property
    def content(self) -> bytes:
        """The body of the answer; text is sent as it is, as a broken proxy would."""
        if isinstance(self.body, str):
            return self.body.encode()
        told = self.body if self.body is not None else {"message": "Server Error"}
        return json.dumps(told).encode()


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let something go wrong."""
        self._pending.append(fault)

    def clear(self) -> None:
        """Forget all of them."""
        self._pending.clear()

    def take(self, operation: str) -> list[Fault]:
        """Return the faults of one request: of each kind the first that is not used up."""
        taken: dict[str, Fault] = {}
        for fault in list(self._pending):
            if fault.kind in taken or not fnmatch.fnmatchcase(operation, fault.operation):
                continue
            taken[fault.kind] = fault
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._pending.remove(fault)
        return list(taken.values())
