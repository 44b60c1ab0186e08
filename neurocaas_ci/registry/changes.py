"""What differs between two states of a registry, and which commit published a version."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.patterns import late
from neurocaas_ci.registry.catfile import CatFile
from neurocaas_ci.registry.decode import MAX_BYTES
from neurocaas_ci.registry.git import head_commit
from neurocaas_ci.registry.parse import parse
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.registry.tree import TreeEntry

Status = Literal["added", "modified", "deleted", "renamed", "typechange"]

_STATUS: dict[str, Status] = {
    "A": "added",
    "M": "modified",
    "D": "deleted",
    "R": "renamed",
    "T": "typechange",
}
_COMMIT = late(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Change(NamedTuple):
    """One changed path; modes are git's (`000000` where there is no file), ids name contents.

    `old_path` is set when the file was renamed.
    """

    path: str
    status: Status
    old_mode: str
    mode: str
    old_blob: str
    blob: str
    old_path: str | None = None


def between(repo: Path, base: str, head: str) -> tuple[Change, ...]:
    """Return what `git diff-tree` reports between two commits, sorted by path."""
    result = run_git(
        repo, ["diff-tree", "-r", "--raw", "-z", "--no-abbrev", "-M", "-l1000", base, head]
    )
    if result.returncode:
        raise UsageError(
            f"git cannot compare {base} with {head}",
            where=str(repo),
            hint=result.stderr.decode(errors="replace").strip() or "fetch both commits first",
        )
    return tuple(sorted(parse_raw(result.stdout)))


def parse_raw(output: bytes) -> list[Change]:
    """Return the changes of `git diff --raw -z` (git-diff, "raw output format"), in its order."""
    fields = output.decode("utf-8", "backslashreplace").split("\0")
    changes: list[Change] = []
    position = 0
    while position < len(fields) and fields[position].startswith(":"):
        old_mode, mode, old_blob, blob, letter = fields[position][1:].split(" ")
        status = _STATUS.get(letter[0], "modified")
        old_path = fields[position + 1] if status == "renamed" else None
        position += 3 if old_path is not None else 2
        changes.append(
            Change(fields[position - 1], status, old_mode, mode, old_blob, blob, old_path)
        )
    return changes


def of_entries(base: Iterable[TreeEntry], head: Iterable[TreeEntry]) -> tuple[Change, ...]:
    """Return what differs between two lists of files, sorted by path; renames are two changes."""
    before = {entry.path: entry for entry in base}
    after = {entry.path: entry for entry in head}
    changes: list[Change] = []
    for path in sorted(before.keys() | after.keys()):
        old = before.get(path, TreeEntry(path, "000000", ""))
        new = after.get(path, TreeEntry(path, "000000", ""))
        if old == new:
            continue
        status: Status = "modified"
        if path not in before:
            status = "added"
        elif path not in after:
            status = "deleted"
        elif old.mode[:3] != new.mode[:3]:
            status = "typechange"
        changes.append(Change(path, status, old.mode, new.mode, old.blob, new.blob))
    return tuple(changes)


def touched_environments(changes: Iterable[Change]) -> set[str]:
    """Return the names of the environments below which a file changed, or whence one was moved."""
    paths = (path for change in changes for path in (change.path, change.old_path) if path)
    return {path.split("/")[1] for path in paths if path.startswith("iae/") and path.count("/") > 1}


def merge_base(repo: Path, one: str, other: str) -> str | None:
    """Return the best common ancestor of two commits, or None when they share no history."""
    result = run_git(repo, ["merge-base", one, other])
    return result.stdout.decode().split("\n")[0] if result.returncode == 0 else None


def published(
    repo: Path, head: str, name: str, version: str, objects: CatFile | None = None
) -> str:
    """Return the commit on the first-parent history of `head` that introduced a blueprint version.

    `version` is a semantic version or a full commit id, which must be an ancestor of `head` and
    hold the blueprint; `objects` is a reader of the repository to use. Raise FindingsError when
    there is none.
    """
    path = f"registry/blueprints/{name}.yaml"
    where = f"{path}@{version}"
    if is_commit(version):
        return _published_commit(repo, head, path, version, objects)
    log = run_git(
        repo, ["log", "--first-parent", "-m", "--no-renames", "--format=%H", head, "--", path]
    )
    introduced = None
    seen: list[str] = []
    with _reader(repo, objects) as git:
        for commit in log.stdout.decode().split():
            content = git.read(commit, path, MAX_BYTES)
            found = None if content is None else version_of(path, content)
            if found == version:
                # Newest first: the last one stands, the commit that published it first.
                introduced = commit
            elif found and found not in seen:
                seen.append(found)
    if introduced is None:
        known = ", ".join(seen) or "none"
        raise FindingsError(
            f"the blueprint {name} has no published version {version}",
            where=where,
            hint=f"published versions: {known}",
        )
    return introduced


def is_commit(version: str) -> bool:
    """Tell whether a blueprint version is written as a full commit id."""
    return bool(_COMMIT.fullmatch(version))


def _reader(repo: Path, objects: CatFile | None) -> AbstractContextManager[CatFile]:
    return CatFile(repo) if objects is None else nullcontext(objects)


def _published_commit(
    repo: Path, head: str, path: str, version: str, objects: CatFile | None
) -> str:
    ancestor = run_git(repo, ["merge-base", "--is-ancestor", version, head]).returncode == 0
    with _reader(repo, objects) as git:
        if ancestor and git.read(version, path, MAX_BYTES) is not None:
            return version
    reason = "does not hold this blueprint" if ancestor else "is not part of the published history"
    raise FindingsError(
        f"the commit {version} {reason}",
        where=f"{path}@{version}",
        hint="name a version, or a commit that main contains",
    )


def version_of(path: str, content: bytes) -> str | None:
    """Return the version that the content of a blueprint names, or None."""
    data = parse(path, content)[0].data
    version = data.get("version") if isinstance(data, dict) else None
    return version if isinstance(version, str) else None


__all__ = ["Change", "Status", "between", "head_commit", "merge_base", "of_entries", "published"]
