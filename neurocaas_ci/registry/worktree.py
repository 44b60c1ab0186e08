"""What differs between a commit and the files as they lie in a working folder.

Git's index remembers what a file looked like when it was last read, so that unchanged files are not
read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.changes import Change, Status, parse_raw
from neurocaas_ci.registry.folder import SKIPPED, FolderTree
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.registry.tree import TreeEntry

_NOTHING = "000000"
_UNKNOWN = {"0" * 40, "0" * 64, ""}


def uncommitted(
    repo: Path, base: str, folder: FolderTree, watched: Iterable[str]
) -> tuple[Change, ...]:
    """Return what the working folder of `repo` changes against a commit, sorted by path.

    Files that git does not know count below the `watched` folders, ignored ones included: there
    everything is part of the registry. Elsewhere they count unless they are ignored.
    """
    roots = tuple(watched)
    raw = _git(repo, ["diff", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff",
                      "--ignore-submodules=none", base, "--"])  # fmt: skip
    found = {change.path: _settled(change, folder) for change in parse_raw(raw)}
    for entry in _untracked(repo, folder, roots):
        # Out of the index, but perhaps not out of the commit: then it is one change, not two.
        known = found.get(entry.path)
        before = TreeEntry(entry.path, _NOTHING, "")
        if known is not None:
            before = TreeEntry(entry.path, known.old_mode, known.old_blob)
        found[entry.path] = _compared(before, entry)
    return tuple(sorted(c for c in found.values() if (c.old_mode, c.old_blob) != (c.mode, c.blob)))


def _settled(change: Change, folder: FolderTree) -> Change:
    """Fill in the id of content that is in no object yet."""
    if change.status == "deleted" or change.blob not in _UNKNOWN:
        return change
    here = folder.entries(change.path)
    if len(here) == 1 and here[0].path == change.path:
        return change._replace(mode=here[0].mode, blob=here[0].blob)
    return change


def _untracked(repo: Path, folder: FolderTree, roots: tuple[str, ...]) -> Iterator[TreeEntry]:
    inside = [root for root in roots if (folder.root / root).is_dir()]
    names = _names(repo, ["--others", "-z", "--", *inside]) if inside else []
    names += [
        name
        for name in _names(repo, ["--others", "--exclude-standard", "-z"])
        if name.split("/")[0] not in roots
    ]
    for name in names:
        # A repository inside the folder is named with a slash at its end.
        if not SKIPPED & set(name.split("/")):
            yield from folder.entries(name)


def _names(repo: Path, arguments: list[str]) -> list[str]:
    text = _git(repo, ["ls-files", *arguments]).decode("utf-8", "backslashreplace")
    return [name for name in text.split("\0") if name]


def _compared(old: TreeEntry, new: TreeEntry) -> Change:
    status: Status = "added" if old.mode == _NOTHING else "modified"
    if status == "modified" and old.mode[:3] != new.mode[:3]:
        status = "typechange"
    return Change(new.path, status, old.mode, new.mode, old.blob, new.blob)


def _git(repo: Path, arguments: list[str]) -> bytes:
    result = run_git(repo, arguments)
    if result.returncode:
        raise UsageError(
            f"git {arguments[0]} failed in the working folder",
            where=str(repo),
            hint=result.stderr.decode(errors="replace").strip() or "run `git status` there",
        )
    return result.stdout
