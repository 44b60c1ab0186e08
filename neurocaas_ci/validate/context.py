"""What a rule may look at: two states of a registry and what lies between; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.registry import Group, Hardware, Iae, Job, User
from neurocaas_ci.registry import Loaded, Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.document import Document
from neurocaas_ci.registry.tree import Tree

RecipeOf = Callable[[Tree, str], Sha256]
Published = Callable[[str, str], Blueprint | None]
BalanceOf = Callable[[Account], Balance]
_T = TypeVar("_T")

FOLDERS = ("registry", "iae", "certificates")


@dataclass(frozen=True, slots=True)
class Valid(Generic[_T]):
    """A value that its schema accepts, and the document it came from."""

    value: _T
    document: Document


@dataclass(frozen=True, slots=True)
class Context:
    """The proposed state (`head`), the state it starts from (`base`), and the changed paths.

    Without `changes`, or with `every_job`, every job is judged, else only the changed ones: jobs
    are many and never change, everything else is few and may break by what happens around it.
    `recipe_of` computes the recipe digest of an IAE; `published` finds a blueprint version in the
    history; `author` is who proposes the change; `balance_of` says what stands on an account before
    it. A rule that needs one of them is silent without it.
    """

    head: Registry
    base: Registry | None = None
    changes: Sequence[Change] | None = None
    recipe_of: RecipeOf | None = None
    published: Published | None = None
    every_job: bool = False
    author: Actor | None = None
    balance_of: BalanceOf | None = None
    _paths: dict[str, list[str]] = field(default_factory=dict)

    def loaded(self) -> Iterator[Loaded[object]]:
        """Return every judged file, valid or not."""
        head = self.head
        yield from self._every(head.blueprints, head.blueprint)
        yield from self._every(head.hardware_ids, head.hardware)
        yield from self._every(head.users, head.user)
        yield from self._every(head.groups, head.group)
        if self.head.policy().exists:
            yield self.head.policy()
        for name in head.iaes():
            yield head.iae(name)
            lock = head.iae_lock(name)
            if lock.exists:
                yield lock
        for path in self.job_paths():
            yield head.job(path)

    def blueprints(self) -> Iterator[Valid[Blueprint]]:
        """Return all valid blueprints."""
        return _valid(self._every(self.head.blueprints, self.head.blueprint))

    def hardware(self) -> Iterator[Valid[Hardware]]:
        """Return all valid hardware types."""
        return _valid(self._every(self.head.hardware_ids, self.head.hardware))

    def users(self) -> Iterator[Valid[User]]:
        """Return all valid users."""
        return _valid(self._every(self.head.users, self.head.user))

    def groups(self) -> Iterator[Valid[Group]]:
        """Return all valid groups."""
        return _valid(self._every(self.head.groups, self.head.group))

    def iaes(self) -> Iterator[tuple[str, Valid[Iae]]]:
        """Return the folder and the description of all valid IAEs."""
        for name in self.head.iaes():
            loaded = self.head.iae(name)
            if loaded.value is not None:
                yield name, Valid(loaded.value, loaded.document)

    def jobs(self) -> Iterator[Valid[Job]]:
        """Return the valid jobs among those to be judged."""
        return _valid(self.head.job(path) for path in self.job_paths())

    def job_paths(self) -> list[str]:
        """Return the manifests to be judged: the changed ones, or all of them."""
        if "jobs" not in self._paths:
            if self.changes is None or self.every_job:
                paths = self.head.jobs()
            else:
                changed = {change.path for change in self.changes if change.status != "deleted"}
                paths = sorted(path for path in changed if self.head.is_job(path))
            self._paths["jobs"] = paths
        return self._paths["jobs"]

    def blueprint_of(self, job: Job) -> Blueprint | None:
        """Return the blueprint version that a job names, or None when nobody published it."""
        here = self.head.blueprint(job.blueprint).value
        if here is not None and here.version == job.version:
            return here
        return self.published(job.blueprint, job.version) if self.published else None

    @staticmethod
    def _every(
        names: Callable[[], list[str]], load: Callable[[str], Loaded[_T]]
    ) -> Iterator[Loaded[_T]]:
        return (load(name) for name in names())


def _valid(every: Iterator[Loaded[_T]]) -> Iterator[Valid[_T]]:
    return (Valid(one.value, one.document) for one in every if one.value is not None)
