"""What a rule may look at: two states of a registry and what lies between; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.registry import Group, Hardware, Iae, Job, User
from neurocaas_ci.registry import Loaded, Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.registry.document import Document
from neurocaas_ci.registry.tree import Tree
from neurocaas_ci.validate.scope import Scope

RecipeOf = Callable[[Tree, str], Sha256]
Published = Callable[[str, str], Blueprint | None]
BalanceOf = Callable[[Account], Balance]
_T = TypeVar("_T")

FOLDERS = ("registry", "iae", "certificates")


class Valid(NamedTuple, Generic[_T]):
    """A value that its schema accepts, and the document it came from."""

    value: _T
    document: Document


class Context(NamedTuple):
    """The proposed state (`head`), the state it starts from (`base`), and the changed paths.

    `scope` says which files are judged; the iterators yield only those. `changes` are all changed
    paths, None when there is nothing to compare with. `recipe_of` computes the recipe digest of an IAE; `published` finds a blueprint version in the
    history; `author` is who proposes the change; `balance_of` says what stands on an account before
    it. A rule that needs one of them is silent without it.
    """

    head: Registry
    scope: Scope
    base: Registry | None = None
    changes: Sequence[Change] | None = None
    recipe_of: RecipeOf | None = None
    published: Published | None = None
    author: Actor | None = None
    balance_of: BalanceOf | None = None

    def loaded(self) -> Iterator[Loaded[object]]:
        """Return every judged file, valid or not."""
        head = self.head
        yield from self._blueprints()
        yield from self._hardware()
        yield from self._users()
        yield from self._groups()
        if "policy" in self.scope.kinds and head.policy().exists:
            yield head.policy()
        for name in self.iae_names():
            yield head.iae(name)
            lock = head.iae_lock(name)
            if lock.exists:
                yield lock
        for path in self.scope.jobs:
            yield head.job(path)

    def blueprints(self) -> Iterator[Valid[Blueprint]]:
        """Return the valid blueprints among those to be judged."""
        return _valid(self._blueprints())

    def hardware(self) -> Iterator[Valid[Hardware]]:
        """Return the valid hardware types among those to be judged."""
        return _valid(self._hardware())

    def users(self) -> Iterator[Valid[User]]:
        """Return the valid users among those to be judged."""
        return _valid(self._users())

    def groups(self) -> Iterator[Valid[Group]]:
        """Return the valid groups among those to be judged."""
        return _valid(self._groups())

    def iaes(self) -> Iterator[tuple[str, Valid[Iae]]]:
        """Return the folder and the description of the valid IAEs among those to be judged."""
        for name in self.iae_names():
            loaded = self.head.iae(name)
            if loaded.value is not None:
                yield name, Valid(loaded.value, loaded.document)

    def jobs(self) -> Iterator[Valid[Job]]:
        """Return the valid jobs among those to be judged."""
        return _valid(map(self.head.job, self.scope.jobs))

    def job_paths(self) -> tuple[str, ...]:
        """Return the manifests to be judged."""
        return self.scope.jobs

    def iae_names(self) -> list[str]:
        """Return the folders of the IAEs to be judged."""
        if "iae" not in self.scope.kinds:
            return []
        every = self.head.iaes()
        return every if self.scope.iaes is None else [n for n in every if n in self.scope.iaes]

    def blueprint_of(self, job: Job) -> Blueprint | None:
        """Return the blueprint version that a job names, or None when nobody published it."""
        here = self.head.blueprint(job.blueprint).value
        if here is not None and here.version == job.version:
            return here
        return self.published(job.blueprint, job.version) if self.published else None

    def _blueprints(self) -> Iterator[Loaded[Blueprint]]:
        return self._every("blueprints", self.head.blueprints, self.head.blueprint)

    def _hardware(self) -> Iterator[Loaded[Hardware]]:
        return self._every("hardware", self.head.hardware_ids, self.head.hardware)

    def _users(self) -> Iterator[Loaded[User]]:
        return self._every("users", self.head.users, self.head.user)

    def _groups(self) -> Iterator[Loaded[Group]]:
        return self._every("groups", self.head.groups, self.head.group)

    def _every(
        self, kind: str, names: Callable[[], list[str]], load: Callable[[str], Loaded[_T]]
    ) -> Iterator[Loaded[_T]]:
        return (load(name) for name in names()) if kind in self.scope.kinds else iter(())


def _valid(every: Iterable[Loaded[_T]]) -> Iterator[Valid[_T]]:
    return (Valid(one.value, one.document) for one in every if one.value is not None)
