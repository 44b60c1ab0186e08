"""Bring a stack to what a template says, from whatever state it was left in; no I/O but by its port.

Nothing is remembered between two calls: each looks at the stack first. So a process that dies at any
point is followed by another that goes on from there, and two at once end in the same state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from neurocaas_ci.deploy.interface import Stacks, Wanted
from neurocaas_ci.deploy.template import Json, as_json, identity, stamped, too_large
from neurocaas_ci.errors import BackendUnavailableError, DeployError
from neurocaas_ci.model.deploy import StackState

_DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_ROLLED_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})
_NEVER_MADE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"})
_STUCK = frozenset({"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"})
IN_REVIEW = "REVIEW_IN_PROGRESS"
"""The state of a stack that was proposed and never started."""

_PAUSES = (1.0, 2.0, 5.0, 10.0)
_DIGITS = 16
_MOST_MENDING = 2


class Clock(NamedTuple):
    """The time in seconds, and how to let some of it pass."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


class Applied(NamedTuple):
    """What applying did: `changed` is false when the stack was already as the template says."""

    stack: str
    changed: bool
    state: StackState


RemovedCheck = Callable[[Sequence[tuple[str, str]]], None]
"""Called with type and name of what would be removed; raises to prevent it."""


def apply(
    stacks: Stacks,
    stack: str,
    template: Json,
    commit: str,
    *,
    clock: Clock,
    patience: float,
    parameters: Mapping[str, str] | None = None,
    protect: bool = False,
    may_remove: RemovedCheck = lambda _removed: None,
    say: Callable[[str], None] = lambda _text: None,
) -> Applied:
    """Make a stack what the template says, within `patience` seconds, and return what was done.

    Raise DeployError when CloudFormation rolled the change back or refused it, and
    BackendUnavailableError when it takes longer or somebody has to step in.
    """
    if problems := too_large(template):
        raise DeployError("; ".join(problems), where=stack, hint="docs/deploy.md has the limits")
    work = _Work(stacks, stack, template, commit, dict(parameters or {}), clock, patience, say)
    result = work.settle(may_remove)
    if protect and not result.state.protected:
        stacks.mend(stack, "protect")
    return result


def stamp_of(template: Json, parameters: Mapping[str, str]) -> str:
    """Return the SHA-256 that a stack is stamped with: of its template, and of parameters if any."""
    text = "".join(f"\0{key}={parameters[key]}" for key in sorted(parameters) if parameters[key])
    if not text:
        return identity(template)
    return hashlib.sha256((identity(template) + text).encode()).hexdigest()


class _Work:
    """One application: the loop of look, act, wait."""

    def __init__(
        self,
        stacks: Stacks,
        stack: str,
        template: Json,
        commit: str,
        parameters: dict[str, str],
        clock: Clock,
        patience: float,
        say: Callable[[str], None],
    ) -> None:
        self._stacks = stacks
        self._stack = stack
        self._template = stamped(template, commit)
        self._identity = stamp_of(template, parameters)
        self._template["Outputs"]["Template"]["Value"] = self._identity
        self._parameters = parameters
        self._clock = clock
        self._end = clock.now() + patience
        self._patience = patience
        self._say = say
        self._steps = 0
        self._mended = 0
        self._started = False
        self._before: datetime | None = None

    def settle(self, may_remove: RemovedCheck) -> Applied:
        changed = False
        while True:
            state = self._stacks.observe(self._stack)
            if state is not None and self._in_the_way(state):
                continue
            if state is not None and state.status in _DONE:
                if state.template == self._identity:
                    return Applied(self._stack, changed, state)
            elif state is not None and state.status in _ROLLED_BACK and self._started:
                if state.since == self._before:
                    self._wait("the change has not begun yet")
                    continue
                raise DeployError(
                    f"CloudFormation took the change back: {state.reason or state.status}",
                    where=self._stack,
                    hint="the stack is as it was before; mend the cause by a commit and apply again",
                )
            if not self._change(state, may_remove):
                if state is None:
                    raise DeployError("CloudFormation finds nothing to make", where=self._stack)
                return Applied(self._stack, changed, state)
            changed = True

    def _in_the_way(self, state: StackState) -> bool:
        """Deal with a state that takes no change set; tell whether to look again."""
        if state.status == IN_REVIEW:
            return False
        if state.status.endswith("_IN_PROGRESS"):
            self._wait(f"{state.status.lower().replace('_', ' ')}")
            return True
        if state.status in _NEVER_MADE:
            self._failed_again(state)
            self._say(f"{self._stack}: was never completed ({state.reason}); starting over")
            self._stacks.mend(self._stack, "delete")
            return True
        if state.status in _STUCK:
            self._failed_again(state)
            self._say(f"{self._stack}: going on with a rollback that had failed ({state.reason})")
            self._stacks.mend(self._stack, "continue rollback")
            return True
        return False

    def _failed_again(self, state: StackState) -> None:
        if self._started:
            raise DeployError(
                f"CloudFormation could not make it: {state.reason or state.status}",
                where=self._stack,
                hint="mend the cause by a commit; applying again starts from here",
            )
        self._mended += 1
        if self._mended > _MOST_MENDING:
            raise BackendUnavailableError(
                f"the stack stays in {state.status}: {state.reason}",
                where=self._stack,
                hint="look at its events in the console of CloudFormation; docs/deploy.md says how "
                "each state is left by hand",
            )

    def _change(self, state: StackState | None, may_remove: RemovedCheck) -> bool:
        """Make and start a change set; return False when there is nothing to change."""
        create = state is None or state.status == IN_REVIEW
        deployed = state.template if state else ""
        seed = hashlib.sha256(f"{deployed}:{self._identity}".encode()).hexdigest()[:_DIGITS]
        wanted = Wanted(self._stack, f"neurocaas-{seed}", as_json(self._template), self._parameters)
        while True:
            proposal = self._stacks.propose(wanted, create=create)
            if proposal.status == "pending":
                self._wait("change set is being made")
                continue
            if proposal.status == "stale":
                self._stacks.discard(wanted)
                self._wait("change set is outdated and made again")
                continue
            break
        if proposal.status == "empty":
            self._stacks.discard(wanted)
            return False
        if proposal.status == "failed":
            self._stacks.discard(wanted)
            raise DeployError(
                f"CloudFormation refuses the change: {proposal.reason}",
                where=self._stack,
                hint="nothing has been changed; mend the cause and apply again",
            )
        may_remove(proposal.removed)
        self._before = state.since if state else None
        self._stacks.execute(wanted)
        self._started = True
        self._steps = 0
        self._wait("the change is on its way")
        return True

    def _wait(self, what: str) -> None:
        if self._clock.now() >= self._end:
            raise BackendUnavailableError(
                f"not finished after {self._patience:.0f} seconds: {what}",
                where=self._stack,
                hint="it goes on by itself; `neurocaas deploy --status` shows it, applying again waits",
            )
        if not self._steps:
            self._say(f"{self._stack}: {what}")
        self._clock.sleep(_PAUSES[min(self._steps, len(_PAUSES) - 1)])
        self._steps += 1
