"""Read from one commit of a registry what the website says; nothing is run, and nothing verified."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.harvest import first_months
from neurocaas_ci.audit.signature import read_payload
from neurocaas_ci.audit.usage import finished_job, summarise
from neurocaas_ci.audit.witness import read_verdict
from neurocaas_ci.certify.repository import origin_uri
from neurocaas_ci.errors import NeurocaasError, VerificationError
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.places import (
    FOLDER,
    MAX_BUNDLE,
    certificate_path,
    job_of,
    manifest_path,
    replayed_job,
)
from neurocaas_ci.model.usage import FinishedJob, UsageScope
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, TreeEntry
from neurocaas_ci.registry.versions import Versions
from neurocaas_ci.run.pending import Merged, in_merge_order
from neurocaas_ci.site.facts import (
    Analysis,
    JobFacts,
    JobRow,
    JobState,
    Site,
    Version,
    Witness,
    is_page_job,
    is_page_name,
)

_FORM = ".github/ISSUE_TEMPLATE/job.yml"
_STATES: dict[str, JobState] = {
    "succeeded": "certified", "failed": "failed", "cancelled": "cancelled",
}  # fmt: skip
_NO_TITLE = "A platform for reproducible analyses"
_UNKNOWN_DAY = "unknown"


class Gathered:
    """A registry at one commit, for the website; `tree` has to stay open."""

    def __init__(self, tree: GitTree, title: str | None = None) -> None:
        self._tree = tree
        self._registry = Registry(tree)
        self._title = title
        self._unreadable: list[tuple[str, str]] = []
        self._finished: list[FinishedJob] = []
        self._not_counted: list[tuple[str, str]] = []
        self._certificates: dict[str, TreeEntry] = {}
        self._replays: dict[str, list[TreeEntry]] = {}
        for entry in tree.entries(FOLDER):
            if (job := job_of(entry.path)) is not None:
                self._certificates[job] = entry
            elif (job := replayed_job(entry.path)) is not None:
                self._replays.setdefault(job, []).append(entry)

    def site(self) -> Site:
        """Return what all pages but those of single jobs say."""
        analyses = tuple(self._analyses())
        known = {one.blueprint.name for one in analyses}
        rows = [replace(row, known=row.analysis in known) for row in self._rows()]
        counts = Counter(row.analysis for row in rows)
        repository = origin_uri(self._tree.repo)
        return Site(
            title=self._title or (repository or "").partition("://")[2].partition("/")[2] or _NO_TITLE,
            repository=repository,
            commit=self._tree.commit,
            day=_days(self._tree.repo, [self._tree.commit])[self._tree.commit],
            analyses=tuple(replace(one, jobs=counts[one.blueprint.name]) for one in analyses),
            hardware=self._values(self._registry.hardware_ids(), "hardware"),
            people={
                login: user.name for login, user in self._values(self._registry.users(), "user").items()
            },
            jobs=tuple(rows),
            usage=summarise(self._finished, first_months(self._certificates)),
            scope=UsageScope(
                self._tree.commit,
                unreadable=tuple(self._not_counted),
                unreadable_count=len(self._not_counted),
            ),
            form=self._tree.read(_FORM, 0) is not None,
            unreadable=tuple(sorted(self._unreadable)),
        )  # fmt: skip

    def job(self, row: JobRow) -> JobFacts:
        """Return all that is known of one job."""
        bundle = certificate = None
        if row.id in self._certificates:
            # Why one cannot be read is in the row.
            with contextlib.suppress(NotACertificateError, VerificationError):
                bundle, certificate = self._certificate(row.id)
        return JobFacts(
            row=row,
            job=self._registry.job(row.id).value,
            certificate=certificate,
            bundle=bundle,
            witnesses=tuple(self._witnesses(row.id)),
        )

    def _values(self, names: Iterable[str], kind: str) -> dict[str, Any]:
        load = getattr(self._registry, kind)
        loaded = ((name, load(name)) for name in names)
        return {name: one.value for name, one in loaded if one.value is not None}

    def _analyses(self) -> Iterator[Analysis]:
        versions = Versions(self._tree.repo, self._tree.commit, self._tree.objects)
        for name in self._registry.blueprints():
            loaded = self._registry.blueprint(name)
            b = loaded.value
            if b is None or b.name != name or not is_page_name(name):
                why = (
                    loaded.findings[0].message
                    if loaded.findings
                    else "its name is not that of the file"
                )
                self._unreadable.append((f"registry/blueprints/{name}.yaml", why))
                continue
            commits = versions.known(name)
            days = _days(self._tree.repo, commits.values())
            locks = {step.iae: self._registry.iae_lock(step.iae).value for step in b.steps}
            yield Analysis(
                b,
                tuple(Version(number, commit, days[commit]) for number, commit in commits.items()),
                0,
                {iae: lock is not None and lock.reproducible for iae, lock in locks.items()},
            )  # fmt: skip

    def _rows(self) -> Iterator[JobRow]:
        """Yield the rows of all jobs, the newest first."""
        paths = self._registry.jobs()
        self._registry.ahead(paths)
        merged = {one.id: one for one in in_merge_order(self._tree.repo, self._tree.commit, paths)}
        # What somebody removed the manifest of is not forgotten.
        lost = [job for job in self._certificates if manifest_path(job) not in set(paths)]
        for job in (*reversed(merged), *sorted(lost)):
            if not is_page_job(job):
                self._unreadable.append((manifest_path(job), "its name is not that of a job"))
                continue
            yield self._row(job, merged.get(job))

    def _row(self, job: str, merged: Merged | None) -> JobRow:
        loaded = self._registry.job(job)
        value = loaded.value
        row = JobRow(
            id=job,
            reference=f"{value.blueprint}@{value.version}" if value else "?",
            state="waiting" if value else "unreadable",
            datasets=len(value.datasets) if value else 0,
            merged=_day(merged.time) if merged else _UNKNOWN_DAY,
            commit=merged.commit if merged else "",
            verdicts=tuple(sorted(Counter(w.verdict for w in self._witnesses(job)).items())),
            problem="" if value else f"Its manifest cannot be read: {loaded.findings[0].message}",
        )
        if job not in self._certificates:
            return row
        try:
            return self._certified(row)
        except (NotACertificateError, VerificationError) as error:
            path = certificate_path(job)
            self._unreadable.append((path, str(error)))
            self._not_counted.append((path, str(error)))
            return replace(
                row, state="unreadable", problem=f"Its certificate cannot be read: {error}"
            )

    def _certified(self, row: JobRow) -> JobRow:
        _, c = self._certificate(row.id)
        finished = finished_job(c)
        self._finished.append(finished)
        return replace(
            row,
            reference=c.reference,
            state=_STATES[finished.status],
            datasets=len(c.datasets),
            cost=finished.cost / 1e6,
            problem="",
        )

    def _certificate(self, job: str) -> tuple[bytes, Certificate]:
        bundle = self._content(self._certificates[job])
        certificate = read_certificate(read_payload(bundle))
        if certificate.job != job:
            raise VerificationError(f"it is the certificate of {certificate.job}")
        return bundle, certificate

    def _content(self, entry: TreeEntry) -> bytes:
        found = (
            self._tree.objects.object(entry.blob, MAX_BUNDLE)
            if entry.mode in {REGULAR, EXECUTABLE}
            else None
        )
        if found is None:
            raise VerificationError("it is not a regular file that can be read")
        return found[1]

    def _witnesses(self, job: str) -> Iterator[Witness]:
        """Yield the verdicts beside a certificate that are about it."""
        for entry in self._replays.get(job, ()):
            try:
                verdict, (about, _) = read_verdict(read_payload(self._content(entry)))
            except (NotACertificateError, NeurocaasError) as error:
                self._note(entry.path, str(error))
                continue
            if about == certificate_path(job):
                yield Witness(entry.path.rpartition("/")[2], verdict)

    def _note(self, path: str, why: str) -> None:
        if (path, why) not in self._unreadable:
            self._unreadable.append((path, why))


def _days(repo: Path, commits: Iterable[str]) -> Mapping[str, str]:
    """Return the days (UTC) on which commits were made."""
    wanted = list(dict.fromkeys(commits))
    if not wanted:
        return {}
    done = run_git(repo, ["log", "--no-walk=unsorted", "--format=%H %ct", *wanted])
    pairs = (line.split(" ") for line in done.stdout.decode().splitlines())
    found = {commit: _day(int(seconds)) for commit, seconds in pairs}
    return {commit: found.get(commit, _UNKNOWN_DAY) for commit in wanted}


def _day(seconds: int) -> str:
    """Return the day (UTC) of a time; a commit may claim any."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return _UNKNOWN_DAY
