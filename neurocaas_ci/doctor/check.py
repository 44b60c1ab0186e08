"""What a check is, and how checks are made one by one: one that breaks does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.model.diagnosis import Diagnosis, State

Outcome = tuple[State, str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong: `look` says how it is and, unless it is well, what to do.

    `unknown` is the state when it cannot be found out.
    """

    id: str
    look: Callable[[], Outcome]
    unknown: State = "fail"


def ok(message: str) -> Outcome:
    """Return that all is well."""
    return "ok", message, ""


def warn(message: str, fix: str) -> Outcome:
    """Return that something will be missed sooner or later."""
    return "warn", message, fix


def fail(message: str, fix: str) -> Outcome:
    """Return that something does not work, or is open to misuse."""
    return "fail", message, fix


def examine(checks: Iterable[Check]) -> Iterator[Diagnosis]:
    """Make the checks in their order and yield what each found."""
    for check in checks:
        try:
            state, message, fix = check.look()
        except NeurocaasError as error:
            state, fix = check.unknown, error.hint
            message = f"{error.where}: {error.message}" if error.where else error.message
        except (OSError, ImportError, ValueError) as error:
            state, fix = check.unknown, "mend this and run `neurocaas doctor` again"
            message = f"it cannot be found out: {error}"
        yield Diagnosis(check.id, state, message, fix)
