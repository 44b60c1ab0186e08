"""What a commit means for the books: caps that it sets, jobs that it merges, jobs that it ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.ledger.certified import concluded
from neurocaas_ci.ledger.history import Commit, Touched
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.ledger import (
    Account,
    BudgetSet,
    JobConcluded,
    JobMerged,
    JobUnpriced,
    LedgerEvent,
)
from neurocaas_ci.model.money import ZERO, microdollars, show
from neurocaas_ci.model.places import MAX_BUNDLE, job_id, job_of
from neurocaas_ci.model.registry import Hardware, Job
from neurocaas_ci.plan.cost import step_costs, total
from neurocaas_ci.registry import Loaded, Registry
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.registry.single import OneFile
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR

_FILE = re.compile(r"registry/(users|groups|blueprints|hardware)/([^/]+)\.yaml")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILES = {REGULAR, EXECUTABLE}
_MAX_KNOWN = 1_000
# Every job is paid by a user too, and no user's budget may be larger.
_MOST = microdollars(10_000_000)


class Published(NamedTuple):
    """A commit introduced a blueprint version; `blob` is the id of the file's content."""

    name: str
    version: str
    blob: str


@dataclass
class Reader:
    """Reads commits in the order of the history, the first one following `start`.

    `published` gives the blob of a blueprint version that an earlier commit introduced, and
    `bounded` tells whether a blueprint has a budget of its own by then.
    """

    repo: Path
    git: CatFile
    start: str | None
    published: Callable[[str, str], str | None]
    bounded: Callable[[Account], bool]
    # What blueprint and hardware files are now, as far as it was asked or changed since `start`.
    _files: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    _blueprints: dict[str, Loaded[Blueprint]] = field(default_factory=dict)
    _hardware: dict[str, Hardware | None] = field(default_factory=dict)

    def read(self, commit: Commit) -> Iterator[LedgerEvent | Published]:
        """Yield what a commit does: versions and budgets first, then jobs, then certificates."""
        manifests: list[Touched] = []
        certificates: list[tuple[str, Touched]] = []
        for file in sorted(commit.touched):
            if match := _FILE.fullmatch(file.path):
                yield from self._budget(match[1], match[2], file)
            elif not file.added:
                continue
            elif Registry.is_job(file.path):
                manifests.append(file)
            elif (job := job_of(file.path)) is not None:
                certificates.append((job, file))
        for file in manifests:
            yield self._job(file, commit.id)
        for job, file in certificates:
            yield self._certificate(job, file)

    @staticmethod
    def wanted(commits: Iterable[Commit]) -> Iterator[str]:
        """Return the ids of the manifests and certificates that these commits bring."""
        for commit in commits:
            for file in commit.touched:
                if file.added and file.mode in _FILES:
                    yield file.blob

    def _budget(self, folder: str, name: str, file: Touched) -> Iterator[LedgerEvent | Published]:
        there = file.mode in _FILES
        if folder in {"blueprints", "hardware"}:
            self._files[file.path] = (file.mode, file.blob) if there else None
        if folder == "blueprints":
            yield from self._blueprint(name, file, there=there)
        if folder in {"users", "groups"}:
            yield self._person(folder, name, file, there=there)

    def _blueprint(
        self, name: str, file: Touched, *, there: bool
    ) -> Iterator[LedgerEvent | Published]:
        account = Account("blueprint", name)
        if not there:
            yield BudgetSet(account, None)
            return
        loaded = self._load_blueprint(name, file.blob)
        data = loaded.document.data
        version = data.get("version") if isinstance(data, dict) else None
        if isinstance(version, str) and version.isprintable():
            yield Published(name, version, file.blob)
        # A file that cannot be read changes nothing: no job can be priced by it either.
        if loaded.value is not None:
            usd = loaded.value.limits.budget_usd
            yield BudgetSet(account, None if usd is None else microdollars(usd))

    def _person(self, folder: str, name: str, file: Touched, *, there: bool) -> BudgetSet:
        account = Account("user" if folder == "users" else "group", name)
        if not there:
            return BudgetSet(account, ZERO, "the file was removed")
        registry = Registry(OneFile(file.path, self._content(file.blob, MAX_BYTES)))
        found = registry.user(name).value or registry.group(name).value
        if found is None:
            return BudgetSet(account, ZERO, "the file cannot be read")
        return BudgetSet(account, microdollars(found.budget_usd))

    def _job(self, file: Touched, commit: str) -> JobMerged | JobUnpriced:
        job = job_id(file.path)
        if file.mode not in _FILES:
            return JobUnpriced(job, "the manifest is not a regular file")
        manifest = Registry(OneFile(file.path, self._content(file.blob, MAX_BYTES))).job(file.path)
        if manifest.value is None:
            return JobUnpriced(job, "the manifest cannot be read")
        if manifest.value.id != job:
            return JobUnpriced(job, f"the manifest is that of {manifest.value.id}")
        return self._price(manifest.value, commit)

    def _price(self, job: Job, commit: str) -> JobMerged | JobUnpriced:
        blueprint = self._version(job, commit)
        if blueprint is None:
            return JobUnpriced(job.id, f"{job.blueprint}@{job.version} was not published by then")
        costs = step_costs(blueprint, job, self._machine)
        if costs is None:
            return JobUnpriced(job.id, "its runs or their hardware cannot be told")
        maximum = total(costs)
        if maximum > _MOST:
            return JobUnpriced(job.id, f"it may cost more than any budget: {show(maximum)}")
        accounts = [Account("user", job.user)]
        if job.group is not None:
            accounts.append(Account("group", job.group))
        if self.bounded(Account("blueprint", job.blueprint)):
            accounts.append(Account("blueprint", job.blueprint))
        return JobMerged(job.id, tuple(accounts), maximum)

    def _version(self, job: Job, commit: str) -> Blueprint | None:
        path = f"registry/blueprints/{job.blueprint}.yaml"
        if _COMMIT.fullmatch(job.version):
            older = ["merge-base", "--is-ancestor", job.version, commit]
            if run_git(self.repo, older).returncode:
                return None
            child = self.git.child(job.version, path)
            if child is None or child.mode not in _FILES:
                return None
            return self._load_blueprint(job.blueprint, child.id).value
        here = self._file(path)
        if here is not None:
            found = self._load_blueprint(job.blueprint, here).value
            if found is not None and found.version == job.version:
                return found
        blob = self.published(job.blueprint, job.version)
        return None if blob is None else self._load_blueprint(job.blueprint, blob).value

    def _machine(self, name: str) -> Hardware | None:
        path = f"registry/hardware/{name}.yaml"
        blob = self._file(path)
        if blob is None:
            return None
        if blob not in self._hardware:
            content = self._content(blob, MAX_BYTES)
            _make_room(self._hardware)
            self._hardware[blob] = Registry(OneFile(path, content)).hardware(name).value
        return self._hardware[blob]

    def _load_blueprint(self, name: str, blob: str) -> Loaded[Blueprint]:
        if blob not in self._blueprints:
            path = f"registry/blueprints/{name}.yaml"
            _make_room(self._blueprints)
            tree = OneFile(path, self._content(blob, MAX_BYTES))
            self._blueprints[blob] = Registry(tree).blueprint(name)
        return self._blueprints[blob]

    def _file(self, path: str) -> str | None:
        """Return the id of a blueprint's or hardware's content as of the commit that is read."""
        if path not in self._files:
            child = None if self.start is None else self.git.child(self.start, path)
            self._files[path] = None if child is None else (child.mode, child.id)
        found = self._files[path]
        return found[1] if found is not None and found[0] in _FILES else None

    def _certificate(self, job: str, file: Touched) -> JobConcluded:
        there = file.mode in _FILES
        return concluded(job, self._content(file.blob, MAX_BUNDLE) if there else None)

    def _content(self, blob: str, limit: int) -> bytes:
        found = self.git.object(blob, limit)
        if found is None:
            # To take it for an unreadable file would put something wrong into the books for good.
            raise BackendUnavailableError(
                f"git does not have the object {blob}, which the history names",
                where=str(self.repo),
                hint="`git fsck` finds damage; a partial clone needs its origin for this",
            )
        return found[1]


def _make_room(known: dict[str, Hardware | None] | dict[str, Loaded[Blueprint]]) -> None:
    if len(known) >= _MAX_KNOWN:
        known.clear()
