"""A registry at one commit of a git repository, read without a checkout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.patterns import late
from neurocaas_ci.registry.catfile import FOLDER, CatFile
from neurocaas_ci.registry.plumbing import run_git
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, TreeEntry

_MAX_ENTRIES = 500_000
_FOLDERS_AT_ONCE = 1_000
_FILES = {REGULAR, EXECUTABLE}
_FULL_ID = late(r"[0-9a-f]{40}|[0-9a-f]{64}")


class GitTree:
    """The files of one commit; `commit` is its full id. Close it, or use it in a `with` block."""

    def __init__(
        self,
        repo: Path,
        rev: str = "HEAD",
        *,
        shared: CatFile | None = None,
        given: CatFile | None = None,
    ) -> None:
        """Read a commit; by its full id through a reader that is `shared`, or `given` to be closed."""
        self.repo = repo
        self._shared = shared is not None
        shared = shared or given
        # A commit never changes; most questions are about the same few folders.
        self._listed: dict[str, tuple[TreeEntry, ...]] = {}
        self._git = shared or CatFile(repo)
        if shared is not None:
            # It is only ever asked for full ids, which git need not resolve.
            self.commit = rev
            return
        try:
            self.commit = self._git.commit(rev) or head_commit(repo, rev)
        except BackendUnavailableError:
            self.close()
            # Says what is wrong with the repository or the revision.
            self.commit = head_commit(repo, rev)
            raise
        except BaseException:
            self.close()
            raise

    @property
    def objects(self) -> CatFile:
        """Return the reader behind this tree, for others that read the same repository."""
        return self._git

    def read(self, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a regular file, or None where there is none."""
        return self._git.read(self.commit, path, limit)

    def ahead(self, paths: Iterable[str]) -> None:
        """Read files that are soon asked for, many at a time, as far as that helps."""
        children = (self._git.child(self.commit, path) for path in paths)
        self._git.ahead(child.id for child in children if child and child.mode in _FILES)

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        """Return all files at or below `prefix`, sorted by path; symlinks are never followed."""
        prefix = prefix.strip("/")
        if prefix not in self._listed:
            found = self._list(prefix)
            if sum(map(len, self._listed.values())) + len(found) > _MAX_ENTRIES:
                self._listed.clear()
            self._listed[prefix] = tuple(found)
        return list(self._listed[prefix])

    def _list(self, prefix: str) -> list[TreeEntry]:
        start = self._git.child(self.commit, prefix)
        if start is None:
            return []
        if start.mode != FOLDER:
            return [TreeEntry(prefix, start.mode, start.id)]
        found: list[TreeEntry] = []
        pending = [(f"{prefix}/" if prefix else "", start.id)]
        visited = 0
        while pending:
            some, pending = pending[:_FOLDERS_AT_ONCE], pending[_FOLDERS_AT_ONCE:]
            self._git.folders_ahead(tree for _, tree in some)
            for before, tree in some:
                visited += 1
                if visited + len(pending) + len(found) > _MAX_ENTRIES:
                    # A few objects that contain each other's copies can stand for billions of files.
                    raise UsageError(
                        f"the commit holds more than {_MAX_ENTRIES} files",
                        where=f"{self.commit}:{prefix}",
                        hint="remove what does not belong into a registry",
                    )
                for name, child in self._git.folder(tree).items():
                    if child.mode == FOLDER:
                        pending.append((f"{before}{name}/", child.id))
                    else:
                        found.append(TreeEntry(before + name, child.mode, child.id))
        found.sort()
        return found

    def at(self, commit: str) -> GitTree:
        """Return the tree of another commit (a full id), read through the same git process.

        It is closed with this one. A commit that is not there is an empty tree.
        """
        return GitTree(self.repo, commit, shared=self._git)

    def close(self) -> None:
        """End the git process behind this tree if it is its own; a second call does nothing."""
        if not self._shared:
            self._git.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def head_commit(repo: Path, ref: str) -> str:
    """Return the full id of the commit that a branch, tag or id names; raise UsageError."""
    result = run_git(
        repo, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"]
    )
    commit = result.stdout.decode().strip()
    if result.returncode == 0 and _FULL_ID.fullmatch(commit):
        return commit
    if run_git(repo, ["rev-parse", "--git-dir"]).returncode:
        raise UsageError(
            "git cannot read a repository here",
            where=str(repo),
            hint="name a clone of the registry; a folder of another owner needs git's safe.directory",
        )
    raise UsageError(
        f"the repository has no commit named {ref!r}",
        where=str(repo),
        hint="`git branch --all` lists branches; `git fetch` brings those of the origin",
    )
