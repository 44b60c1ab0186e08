"""The ports of deploying: stacks, and the engines in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from neurocaas_ci.model.deploy import Drifted, EngineState, Leftover, StackState

Mending = Literal["delete", "continue rollback", "protect"]


class Proposal(NamedTuple):
    """A change set: what stands between a template and its stack.

    `removed` are type and physical name of resources that would go. `stale` means that it was made
    for a state that the stack has left.
    """

    status: Literal["ready", "empty", "pending", "failed", "stale"]
    reason: str = ""
    removed: tuple[tuple[str, str], ...] = ()


class Wanted(NamedTuple):
    """What a stack shall be: the name of its change set, the template as JSON, its parameters."""

    stack: str
    change_set: str
    template: str
    parameters: Mapping[str, str]


class Stacks(Protocol):
    """Look at stacks and change them; every call may be repeated after a crash."""

    def observe(self, stack: str) -> StackState | None:
        """Return how a stack stands, or None where there is none."""
        ...

    def propose(self, wanted: Wanted, *, create: bool) -> Proposal:
        """Make the change set unless it is there, and return how it stands."""
        ...

    def execute(self, wanted: Wanted) -> None:
        """Start the change set; nothing happens when it has been started, or the stack is busy."""
        ...

    def discard(self, wanted: Wanted) -> None:
        """Remove the change set, if it is there."""
        ...

    def mend(self, stack: str, how: Mending) -> None:
        """Start to bring a stack out of a state in which it takes no change set, or protect it."""
        ...


class Engines(Protocol):
    """Look at the queues and compute environments of the platform."""

    def states(self) -> Sequence[EngineState]:
        """Return every queue and compute environment that is ours."""
        ...

    def busy(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return, by queue, how many jobs have not ended; queues without jobs are left out."""
        ...


class Auditor(Protocol):
    """Find what is in the cloud and in no template."""

    def drifted(self, stacks: Sequence[str]) -> Sequence[Drifted]:
        """Return everything that is not as the stacks say, seconds to minutes later."""
        ...


class Watchdog(Protocol):
    """Find what should have ended, and end it."""

    def leftovers(self) -> Sequence[Leftover]:
        """Return jobs past their time, machines without one, and what is of the past."""
        ...

    def end(self, left: Leftover) -> None:
        """End one; nothing happens when it has ended by itself."""
        ...
