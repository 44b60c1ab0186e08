"""A plan: what merging a change makes the platform do, in order, and who may approve it.

Amounts are microdollars. I/O is not handled here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import Microdollars

Level = Literal["auto", "owner", "maintainer"]
Verb = Literal["create", "update", "remove"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value that differs; `pointer` is a JSON pointer, the values are JSON text or absent."""

    pointer: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class BuildIae:
    """Build an environment whose image the platform does not have yet."""

    name: str
    recipe: Sha256
    image: Sha256
    why: str


@dataclass(frozen=True, slots=True)
class PublishBlueprint:
    """Publish a version; `changes` compares its effective configuration with the one before."""

    name: str
    version: str
    previous: str | None
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class RetireBlueprint:
    """Take a blueprint out of the catalogue; its published versions stay in the history."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class SetResource:
    """Create, update or remove what belongs to a hardware type, a group, a user, or the policy."""

    kind: Literal["hardware", "group", "user", "policy"]
    name: str
    verb: Verb
    changes: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """What an account holds before a job and what it would hold with the job's maximum reserved."""

    account: Account
    before: Balance
    after: Balance


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """The runs of one step of a job: each takes `seconds` at most at `price` per hour.

    `priced` is the day on which the price was looked up.
    """

    step: str
    hardware: str
    runs: int
    seconds: int
    price: Microdollars
    maximum: Microdollars
    priced: str = ""


@dataclass(frozen=True, slots=True)
class RunJob:
    """Run a job; refused when an account in `short` cannot bear its maximum.

    `expected` takes the mean time of `sample` earlier runs of the same analysis for every run; None
    when there are none.
    """

    job: str
    blueprint: str
    version: str
    steps: tuple[PlannedStep, ...]
    maximum: Microdollars
    expected: Microdollars | None = None
    sample: int = 0
    budgets: tuple[BudgetLine, ...] = ()
    short: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Stop a job; what it does not use of `maximum` is given back once it is certified."""

    job: str
    reason: str
    maximum: Microdollars | None = None


Action = BuildIae | PublishBlueprint | RetireBlueprint | SetResource | RunJob | CancelJob


@dataclass(frozen=True, slots=True)
class Approval:
    """Who may let one change in: nobody else is needed (auto), or one of `approvers`."""

    path: str
    old_path: str | None
    status: str
    level: Level
    reason: str
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that merging `head` into `base` means; commits are full ids, or None for a folder."""

    base: str | None
    head: str | None
    author: str | None
    actions: tuple[Action, ...]
    approvals: tuple[Approval, ...]

    @property
    def level(self) -> Level:
        """Return the strictest approval that any of the changes needs."""
        order: tuple[Level, ...] = ("auto", "owner", "maintainer")
        return max((approval.level for approval in self.approvals), key=order.index, default="auto")
