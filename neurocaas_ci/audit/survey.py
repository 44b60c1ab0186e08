"""Verify every certificate of a registry, on all processors, and what holds only for all together."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from neurocaas_ci.audit.history import History
from neurocaas_ci.audit.identity import Expected
from neurocaas_ci.audit.signature import (
    LogEntry,
    RootSource,
    TrustRoot,
    load_root,
    read_entry,
)
from neurocaas_ci.audit.verify import Question, verify
from neurocaas_ci.audit.witness import verify_verdict
from neurocaas_ci.certify import layout
from neurocaas_ci.errors import NeurocaasError, UsageError, VerificationError
from neurocaas_ci.model.places import MAX_BUNDLE
from neurocaas_ci.model.verification import Check, Verification, failed
from neurocaas_ci.registry.plumbing import run_git

_CHUNK = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """What all certificates of a registry are verified by; each process loads it anew.

    `trust_roots` are tried in this order.
    """

    repo: Path
    ref: str
    trust_roots: tuple[RootSource, ...]
    offline: bool
    expected: Expected


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One file of certificates/: its checks, and its log entry where it is readable."""

    path: str
    verification: Verification
    entry: LogEntry | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """All files, and the problems of the registry as a whole."""

    files: tuple[Surveyed, ...]
    problems: tuple[Check, ...] = field(default=())

    @property
    def valid(self) -> bool:
        """Tell whether nothing failed."""
        return not self.problems and all(file.verification.valid for file in self.files)


def certificate_paths(history: History, since: str | None) -> list[str]:
    """Return the files of certificates/ on main, or only those that were added since a commit.

    Raise UsageError when there is no such commit.
    """
    present = [entry.path for entry in history.main.entries(layout.FOLDER)]
    if since is None:
        return present
    done = run_git(
        history.repo,
        ["diff-tree", "-r", "--name-only", "-z", since, history.main.commit, "--", layout.FOLDER],
    )
    if done.returncode:
        raise UsageError(
            f"git cannot compare {since!r} with main",
            where=str(history.repo),
            hint="--since takes a commit of this clone",
        )
    changed = set(done.stdout.decode("utf-8", "backslashreplace").split("\0"))
    return [path for path in present if path in changed]


def survey(
    terms: Terms,
    paths: Sequence[str],
    *,
    workers: int,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Surveyed, ...]:
    """Return the checks of each file, in the order of `paths`; `progress` hears how many are done.

    A file that breaks its worker is invalid, whatever the exception was.
    """
    if workers <= 1 or len(paths) <= _CHUNK:
        _prepare(terms)
        return tuple(_counted(map(_judge, paths), progress))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sigstore.verify", "neurocaas_ci.audit.verify"])
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_prepare, initargs=(terms,)
    ) as pool:
        return tuple(_counted(pool.map(_judge, paths, chunksize=_CHUNK), progress))


def append_only(history: History) -> Iterator[Check]:
    """Yield every change or removal of a certificate in the whole history of main."""
    done = run_git(
        history.repo,
        ["log", "--first-parent", "-m", "--no-renames", "--diff-filter=MDT", "--name-status",
         "--format=%x01%H", "-z", history.main.commit, "--", layout.FOLDER],
    )  # fmt: skip
    if done.returncode:
        yield failed("append-only", "git cannot read the history of certificates/")
        return
    commit, status = "", ""
    for item in done.stdout.decode("utf-8", "backslashreplace").replace("\n", "\0").split("\0"):
        if item.startswith("\x01"):
            commit = item[1:]
        elif item in {"M", "D", "T"}:
            status = item
        elif item and status:
            what = "removed" if status == "D" else "changed"
            yield failed("append-only", f"commit {commit[:12]} {what} {item}")
            status = ""


def one_log(files: Iterable[Surveyed]) -> Iterator[Check]:
    """Yield where the entries of one log contradict each other.

    A log that shows one tree to some and another to others has two roots for a size, or two
    entries in one place (RFC 6962, section 1).
    """
    roots: dict[tuple[str, int], tuple[str, str]] = {}
    bodies: dict[tuple[str, int], tuple[str, str]] = {}
    for file in files:
        entry = file.entry
        if entry is None:
            continue
        root, first = roots.setdefault((entry.log_id, entry.size), (entry.root, file.path))
        if root != entry.root:
            yield failed(
                "log",
                f"log {entry.log_id[:12]} signed two trees of {entry.size} entries: "
                f"{first} and {file.path}",
            )
        body, first = bodies.setdefault((entry.log_id, entry.index), (entry.body_sha256, file.path))
        if body != entry.body_sha256 or first != file.path:
            what = "is also" if body == entry.body_sha256 else "is another in"
            yield failed(
                "log",
                f"entry {entry.index} of log {entry.log_id[:12]} in {file.path} {what} {first}",
            )


_roots: tuple[TrustRoot, ...] = ()
_history: History | None = None
_terms: Terms | None = None


def _prepare(terms: Terms) -> None:
    """Load in this process what all verifications share."""
    global _roots, _history, _terms  # noqa: PLW0603 - a pool's worker has no other place for it
    _terms = terms
    _roots = tuple(load_root(root, offline=terms.offline) for root in terms.trust_roots)
    _history = History(terms.repo, terms.ref)


def _judge(path: str) -> Surveyed:
    assert _history is not None  # noqa: S101 - `_prepare` ran first
    assert _terms is not None  # noqa: S101 - `_prepare` ran first
    try:
        question = Question(_roots[0], _terms.expected, _history, others=_roots[1:])
        return _surveyed(path, question, _history)
    except NeurocaasError as error:
        return Surveyed(path, _invalid(error.message))
    except Exception as error:  # noqa: BLE001 - whatever happens on untrusted input is a no
        return Surveyed(path, _invalid(f"{type(error).__name__}: {error}"))


def _surveyed(path: str, question: Question, history: History) -> Surveyed:
    bundle = history.main.read(path, MAX_BUNDLE)
    if bundle is None:
        raise VerificationError("it is not a regular file")
    job = layout.job_of(path)
    if job is not None:
        result = verify(bundle, question)
        if result.valid and result.job != job:
            result = _invalid(f"it is a certificate of {result.job}")
    elif layout.replayed_job(path) is not None:
        result = verify_verdict(bundle, path, question)
    else:
        raise VerificationError("it is neither a certificate nor the verdict of a replay")
    return Surveyed(path, result, read_entry(bundle) if result.valid else None)


def _invalid(text: str) -> Verification:
    return Verification("", "", "", "", (failed("certificate", text),))


def _counted(results: Iterable[Surveyed], progress: Callable[[int], None]) -> Iterator[Surveyed]:
    for count, result in enumerate(results, 1):
        progress(count)
        yield result
