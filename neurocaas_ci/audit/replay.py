"""Run a certified job again by the code path of `run`, and compare every output."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neurocaas_ci.audit.compare import compare_files, needs_content, rule_for
from neurocaas_ci.audit.verdict import judge
from neurocaas_ci.build.images import Images
from neurocaas_ci.errors import IntegrityError, NeurocaasError, UsageError
from neurocaas_ci.executors.interface import Executor, Runs
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.certificate import Certificate
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.replay import Comparison, Replay, RunReplay, Verdict
from neurocaas_ci.model.run import RunRecord, RunSpec
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.machine import machine_facts
from neurocaas_ci.run.observer import MakeExecutor, Observer
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.reconcile import Reconciler
from neurocaas_ci.run.removal import why_gone
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.status import read_record

_EXACT = Comparison("identical", "exact", "the same bytes", (), {})


@dataclass(frozen=True)
class Replayer:
    """What a replay needs of this machine: the same as running a job does, and where results are.

    `sandbox` gives the sandbox for a folder of attempts, `executors` what makes executors for a home
    and the registry at the pinned commit. `apart` gives, for an empty folder, a home that nobody else
    uses, and removes what it has elsewhere. `originals` is a folder of fetched results whose files
    are used, when they are the certified ones, to show what differs.
    """

    repo: Path
    home: Home
    images: Images
    sandbox: Callable[[Path], Sandbox]
    executors: Callable[[Home, GitTree], MakeExecutor]
    apart: Callable[[Path], AbstractContextManager[Home]]
    observer: Observer
    cpus: int
    originals: Path | None = None

    def replay(self, certificate: Certificate, dataset: str | None = None) -> Replay:
        """Run the job (or the runs of one dataset) again from its pinned commit, and compare.

        Nothing is taken from earlier results, and nothing of this machine's records changes. Raise
        UsageError for a dataset that the job does not have.
        """
        if dataset is not None and dataset not in {d.name for d in certificate.datasets}:
            known = ", ".join(d.name for d in certificate.datasets[:10])
            raise UsageError(
                f"the job has no dataset {dataset!r}",
                where=certificate.job,
                hint=f"it has: {known}",
            )
        started, machine = _now(), machine_facts()
        runs: tuple[RunReplay, ...] = ()
        verdict: Verdict = "impossible"
        reason = ""
        try:
            with Scratch(self.home.scratch) as scratch, self.apart(scratch.new()) as own:
                records = tuple(self._runs(certificate, dataset, own))
                runs = tuple(run for run, _ in records)
                # What an engine chose counts, not the machine that waited for it.
                machine = next((dict(m) for _, m in records if m), machine)
            verdict, reason = judge(runs)
        except _ImpossibleError as problem:
            reason = str(problem)
        return Replay(
            certificate.sha256, certificate.job, verdict, reason, runs, machine, started, _now(),
        )  # fmt: skip

    def _runs(
        self, certificate: Certificate, dataset: str | None, own: Home
    ) -> Iterator[tuple[RunReplay, Mapping[str, Any] | None]]:
        if certificate.version_commit is None:
            raise _ImpossibleError("the job was cancelled before it began: there is nothing to run")
        try:
            head = GitTree(self.repo, certificate.registry_commit)
        except UsageError as error:
            raise _ImpossibleError(
                f"commit {certificate.registry_commit} is not in this clone ({error.message})"
            ) from error
        with head:
            blueprint = self._blueprint(certificate, certificate.version_commit)
            self._take_inputs(certificate, dataset, own, head)
            self._reconcile(certificate, dataset, head, own)
        for run, note in certificate.runs.items():
            record = read_record(own, certificate.job, run)
            if record is not None:
                yield self._compare(certificate, blueprint, own, record, note), record.machine

    def _blueprint(self, certificate: Certificate, commit: str) -> Blueprint:
        try:
            with GitTree(self.repo, commit) as tree:
                blueprint = Registry(tree).blueprint(certificate.blueprint).value
        except UsageError as error:
            raise _ImpossibleError(
                f"commit {commit} is not in this clone ({error.message})"
            ) from error
        if blueprint is None:
            raise _ImpossibleError(
                f"the blueprint at commit {commit} cannot be read by this version"
            )
        return blueprint

    def _take_inputs(
        self, certificate: Certificate, dataset: str | None, own: Home, head: GitTree
    ) -> None:
        """Make the certified inputs, and nothing else, appear in the store of the replay."""
        missing: list[str] = []
        for item in certificate.datasets:
            if dataset not in {None, item.name}:
                continue
            try:
                self._take_input(item.sha256, own)
            except IntegrityError:
                # The reconciler reads such a file itself, and compares its digest.
                if not item.uri.startswith("file:"):
                    missing.append(f"{item.uri} (sha256 {item.sha256})")
        if missing:
            raise _ImpossibleError(
                "these inputs are not in this machine's store: "
                + "; ".join(missing[:5])
                + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")  # noqa: PLR2004 - names that fit a screen
                + why_gone(self.home.state, Registry(head).job(certificate.manifest_path).value)
                + "; `neurocaas data put FILE` adds them, found by their digest"
            )

    def _take_input(self, digest: Sha256, own: Home) -> None:
        if own.store is not None:
            with self.home.blobs.open(digest) as stream:
                if own.blobs.put(stream).sha256 != digest:
                    raise IntegrityError(
                        "the stored input no longer has its digest",
                        where=digest,
                        hint="put the original again with `neurocaas data put FILE`",
                    )
            return
        target = own.local_blobs.path(digest)
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            self.home.blobs.place(digest, target)

    def _reconcile(
        self, certificate: Certificate, dataset: str | None, head: GitTree, own: Home
    ) -> None:
        def only(spec: RunSpec) -> bool:
            return dataset is None or spec.config["dataset"] == f"dataset/{dataset}"

        maker, made = self.executors(own, head), list[Executor]()

        def make(runs: Runs) -> Executor:
            made.append(maker(runs))
            return made[-1]

        reconciler = Reconciler(
            repo=self.repo,
            head=head,
            home=own,
            images=self.images,
            sandbox=self.sandbox(own.scratch),
            make_executor=make,
            observer=self.observer,
            # Nobody is charged for a replay.
            refusal=lambda _job, _commit: None,
            # The job as it was: what main says of it now must not reach into its replay.
            ref=certificate.registry_commit,
            cpus=self.cpus,
            use_cache=False,
            only=only,
        )
        merged = Merged(certificate.manifest_path, certificate.registry_commit, int(time.time()))
        try:
            outcome = reconciler.reconcile([merged])[0]
        except BaseException:
            for executor in made:
                # Nobody will take up what an engine goes on with.
                if executor.capabilities().detached:
                    with suppress(NeurocaasError):
                        executor.cancel()
            raise
        if outcome.error is not None:
            raise _ImpossibleError(_reason(outcome.error)) from outcome.error

    def _compare(
        self,
        certificate: Certificate,
        blueprint: Blueprint,
        own: Home,
        record: RunRecord,
        note: Mapping[str, Any],
    ) -> RunReplay:
        was = (note.get("status"), note.get("reason"), note.get("exit_code"))
        now = (record.status, record.reason, record.exit_code)
        prefix = f"{record.run}/"
        before = {
            name.removeprefix(prefix): digest
            for name, digest in certificate.subjects.items()
            if name.startswith(prefix)
        }
        after = {output.path: output.sha256 for output in record.outputs}
        files = tuple(
            (
                prefix + path,
                self._file(blueprint, own, prefix + path, before.get(path), after.get(path)),
            )
            for path in sorted(before.keys() | after.keys())
        )
        return RunReplay(record.run, _ended(*was), _ended(*now), was == now, record.message, files)

    def _file(
        self,
        blueprint: Blueprint,
        own: Home,
        name: str,
        before: Sha256 | None,
        after: Sha256 | None,
    ) -> Comparison:
        if before is None:
            return Comparison("different", "exact", "was not there when it was certified", (), {})
        if after is None:
            return Comparison("different", "exact", "is not there this time", (), {})
        if before == after:
            return _EXACT
        return self._unlike(blueprint, own, name, before, after)

    def _unlike(
        self, blueprint: Blueprint, own: Home, name: str, before: Sha256, after: Sha256
    ) -> Comparison:
        """Compare an output that has other bytes now."""
        rule = rule_for(blueprint.outputs, name.partition("/")[2])
        original = self._original(name, before, own)
        if original is not None:
            return compare_files(rule, original, self._again(after, own), name)
        kind = str(rule["kind"])
        if needs_content(rule):
            text = "the certified bytes are not here to compare with; name a folder that has them"
            return Comparison("impossible", kind, text, (), {})
        if kind == "ignore":
            return Comparison("ignored", kind, "other bytes, which the blueprint ignores", (), {})
        text = f"other bytes: sha256 {before[:12]}… before, {after[:12]}… now"
        return Comparison("different", kind, text, (), {})

    def _again(self, digest: Sha256, own: Home) -> Path:
        """Return a file with bytes of this replay."""
        if own.store is None:
            return own.local_blobs.path(digest)
        path = own.scratch / f"again-{digest}"
        if not path.exists():
            own.blobs.place(digest, path)
        return path

    def _original(self, name: str, digest: Sha256, own: Home) -> Path | None:
        """Return a file with the certified bytes: of the named folder, or from the store."""
        with suppress(OSError):
            if self.originals is not None:
                path = self.originals / name
                if path.is_file() and not path.is_symlink() and _is(path, digest):
                    return path
        path = own.scratch / f"original-{digest}"
        with suppress(IntegrityError):
            if not path.exists():
                self.home.blobs.place(digest, path)
            return path
        return None


class _ImpossibleError(Exception):
    """The job cannot be run again here; the text says what is missing."""


def _reason(error: NeurocaasError) -> str:
    text = f"{error.where}: {error.message}" if error.where else error.message
    return f"{text}; {error.hint}" if error.hint else text


def _ended(status: Any, reason: Any, code: Any) -> str:
    return f"{status}" if status == "succeeded" else f"{status} ({reason}, exit status {code})"


def _is(path: Path, digest: Sha256) -> bool:
    import hashlib

    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == digest


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
