"""The registry of one tree: every file loaded when it is asked for, once, with its findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from neurocaas_ci import schemas
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.model.registry import Group, Hardware, Iae, IaeLock, Job, Policy, User
from neurocaas_ci.patterns import late
from neurocaas_ci.registry import convert
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.document import Document
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.registry.tree import ReadsAhead, Tree
from neurocaas_ci.schemas.fits import fits

if TYPE_CHECKING:
    from neurocaas_ci.schemas.check import Issue

T_co = TypeVar("T_co", covariant=True)

_BLUEPRINTS = "registry/blueprints"
_HARDWARE = "registry/hardware"
_USERS = "registry/users"
_GROUPS = "registry/groups"
_JOBS = "registry/jobs"
_IAES = "iae"
_POLICY = "registry/policy.yaml"
_SMALL = 1 << 16
_JOB_PATH = late(rf"{_JOBS}/[^/]+/([^/]+)/[^/]+\.yaml")


class Loaded(NamedTuple, Generic[T_co]):
    """What a file holds: the value, or None and the findings that say why.

    `exists` is false when there is no readable file; then `document` has a path and no data.
    """

    value: T_co | None
    document: Document
    findings: tuple[Finding, ...]
    exists: bool = True


class Registry:
    """The files of one tree as values of the model."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._cache: dict[str, Loaded[Any]] = {}

    def blueprint(self, name: str) -> Loaded[Blueprint]:
        """Load `registry/blueprints/<name>.yaml`."""
        return self._load(f"{_BLUEPRINTS}/{name}.yaml", "blueprint", convert.blueprint)

    def hardware(self, name: str) -> Loaded[Hardware]:
        """Load `registry/hardware/<name>.yaml`."""
        return self._load(f"{_HARDWARE}/{name}.yaml", "hardware", convert.hardware)

    def user(self, login: str) -> Loaded[User]:
        """Load `registry/users/<login>.yaml`."""
        return self._load(f"{_USERS}/{login}.yaml", "user", convert.user)

    def group(self, name: str) -> Loaded[Group]:
        """Load `registry/groups/<name>.yaml`."""
        return self._load(f"{_GROUPS}/{name}.yaml", "group", convert.group)

    def job(self, path: str) -> Loaded[Job]:
        """Load a manifest by its path, or by its id `<login>/<yyyy-mm>/<job>`."""
        loaded = self._cache.get(path)
        if loaded is not None:
            # Rules ask for each of perhaps 100,000 jobs again and again.
            return loaded
        if not path.startswith(f"{_JOBS}/"):
            path = f"{_JOBS}/{path}.yaml"
        match = _JOB_PATH.fullmatch(path)
        return self._load(path, "job", _job_of(match[1] if match else ""))

    def iae(self, name: str) -> Loaded[Iae]:
        """Load `iae/<name>/iae.yaml`."""
        return self._load(f"{_IAES}/{name}/iae.yaml", "iae", convert.iae)

    def iae_lock(self, name: str) -> Loaded[IaeLock]:
        """Load `iae/<name>/iae.lock`."""
        return self._load(f"{_IAES}/{name}/iae.lock", "iae-lock", convert.iae_lock)

    def policy(self) -> Loaded[Policy]:
        """Load `registry/policy.yaml`."""
        return self._load(_POLICY, "policy", convert.policy)

    def blueprints(self) -> list[str]:
        """Return the names of all blueprints, sorted."""
        return self._names(_BLUEPRINTS)

    def hardware_ids(self) -> list[str]:
        """Return the ids of all hardware types, sorted."""
        return self._names(_HARDWARE)

    def users(self) -> list[str]:
        """Return the logins of all users, sorted."""
        return self._names(_USERS)

    def groups(self) -> list[str]:
        """Return the names of all groups, sorted."""
        return self._names(_GROUPS)

    def jobs(self) -> list[str]:
        """Return the paths of all job manifests, sorted."""
        return [e.path for e in self.tree.entries(_JOBS) if self.is_job(e.path)]

    @staticmethod
    def is_job(path: str) -> bool:
        """Tell whether a path is where a job manifest lies."""
        return bool(_JOB_PATH.fullmatch(path))

    def iaes(self) -> list[str]:
        """Return the names of all folders in iae/ that hold files, sorted."""
        paths = (entry.path.split("/") for entry in self.tree.entries(_IAES))
        return sorted({parts[1] for parts in paths if len(parts) > 2})  # noqa: PLR2004 - iae/<name>/<file>

    def ahead(self, paths: Iterable[str]) -> None:
        """Say which files are loaded next; a tree that reads many at once does so."""
        if isinstance(self.tree, ReadsAhead):
            self.tree.ahead(path for path in paths if path not in self._cache)

    def forget(self, paths: Iterable[str]) -> None:
        """Let go of loaded files that are not needed again."""
        for path in paths:
            self._cache.pop(path, None)

    def loaded_paths(self) -> frozenset[str]:
        """Return the paths of the files that are held in memory."""
        return frozenset(self._cache)

    def _names(self, folder: str) -> list[str]:
        return [
            entry.path[len(folder) + 1 : -5]
            for entry in self.tree.entries(folder)
            if entry.path.endswith(".yaml") and entry.path.count("/") == folder.count("/") + 1
        ]

    def _load(self, path: str, kind: str, build: Callable[[dict[str, Any]], Any]) -> Loaded[Any]:
        if path not in self._cache:
            self._cache[path] = load(self.tree, path, kind, build)
        return self._cache[path]


def load(tree: Tree, path: str, kind: str, build: Callable[[dict[str, Any]], Any]) -> Loaded[Any]:
    """Read, parse, check and build one file; whatever is wrong with it becomes findings."""
    content = tree.read(path, MAX_BYTES)
    if content is None:
        finding = Finding(
            "NC-F001",
            "error",
            Location(path),
            f"there is no readable file {path}",
            "add it as a regular file (a symbolic link is not followed), or correct the name",
        )
        return Loaded(None, Document(path), (finding,), exists=False)
    judge = _judged if len(content) <= _SMALL else _judged.__wrapped__
    return judge(path, content, kind, build)


@lru_cache(maxsize=32)
def _judged(
    path: str, content: bytes, kind: str, build: Callable[[dict[str, Any]], Any]
) -> Loaded[Any]:
    """Parse, check and build the bytes of a file; jobs of one day share a blueprint and hardware."""
    document, problems = parse(path, content)
    issues: list[Issue] = []
    if document.root is not None and not fits(kind)(document.data):
        from neurocaas_ci.schemas.check import check  # says what is wrong with the few that do not

        issues = check(schemas.load(kind), document.data)
    findings = _explained(content, document, problems, issues) if problems or issues else []
    value = None
    if not findings:
        try:
            value = build(document.data)
        except ValueError as error:
            text = "write sizes in whole bytes, for example 1500MB"
            findings.append(Finding("NC-S004", "error", document.locate(), str(error), text))
    findings.sort(key=lambda finding: finding.location)
    return Loaded(value, document, tuple(findings))


@cache
def _job_of(month: str) -> Callable[[dict[str, Any]], Job]:
    return lambda data: convert.job(data, month)


def _explained(
    content: bytes, document: Document, problems: Sequence[Finding], issues: Sequence[Issue]
) -> list[Finding]:
    """Return what is wrong with the form of a file, with repairs where the text says how."""
    from neurocaas_ci.registry.repairs import with_repairs, word_repair  # few files need them

    findings = with_repairs(content, problems)
    for issue in issues:
        place = document.locate(issue.pointer, key=issue.on_key)
        repair = word_repair(content, document, issue, place)
        findings.append(Finding(issue.rule, "error", place, issue.message, issue.fix, repair))
    return findings
