"""What deploying means: plans of stacks, how they stand, what drifted, what is left over; no I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

StackVerb = Literal["create", "update", "replace", "may replace", "unknown", "delete", "keep"]
"""What happens to a resource.

`unknown`: it changes, and whether in place is not known here. `keep`: it leaves the stack, and stays.
"""
Replacing = Literal["no", "yes", "maybe", "unknown"]
Sync = Literal["in sync", "out of sync", "not deployed", "unknown"]
Health = Literal["healthy", "progressing", "degraded", "missing"]


class PropertyChange(NamedTuple):
    """One property that a commit changes, by JSON pointer; a value that is not there is None."""

    pointer: str
    before: Any
    after: Any
    replaces: Replacing


class ResourceChange(NamedTuple):
    """What happens to one resource of a stack, and why."""

    name: str
    type: str
    verb: StackVerb
    shown: str
    properties: tuple[PropertyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What a change of the registry does to a stack; `problems` speak against deploying it.

    `base` and `head` are commits, or None where files lie in a folder. `note` says what the plan does
    not know.
    """

    stack: str
    base: str | None
    head: str | None
    changes: tuple[ResourceChange, ...]
    problems: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack as CloudFormation describes it; `commit` and `template` are what we stamped on it."""

    name: str
    status: str
    reason: str
    since: datetime | None
    commit: str = ""
    template: str = ""
    protected: bool = False


@dataclass(frozen=True, slots=True)
class EngineState:
    """A queue or a compute environment: whether it works, and why not."""

    name: str
    state: Literal["ready", "changing", "broken", "off"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DeployStatus:
    """How one stack stands, in two words, with reasons and since when (UTC)."""

    stack: str
    sync: Sync
    sync_reason: str
    health: Health
    health_reason: str
    since: datetime | None
    deployed: str = ""
    wanted: str = ""


class Drifted(NamedTuple):
    """Something in the cloud that no commit says.

    `kind` is `changed` or `deleted` (CloudFormation saw it), `policy` or `extra` (it does not look).
    """

    kind: Literal["changed", "deleted", "policy", "extra"]
    what: str
    detail: str


class Leftover(NamedTuple):
    """What should not be there any more, such as a job or the cell of one that is over; what ends it."""

    kind: Literal["job", "machine", "environment", "role", "cell", "logs"]
    name: str
    reason: str
    ends: bool = True
