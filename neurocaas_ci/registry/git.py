"""A registry at one commit of a git repository, read without a checkout."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, TreeEntry, parts_of

_FOLDER = "40000"
_CHUNK = 1 << 20
_MAX_ENTRIES = 500_000
# A whole history holds as many folders as it likes; what is forgotten is read again.
_MAX_ROOTS = 2_000
_MAX_CHILDREN = 300_000
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Refs and ids; what else a revision can be, git is asked for by another command.
_PLAIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]*")
# Replacement refs would show other content than the commit id names.
_COMMAND = ("git", "--no-replace-objects")
_OTHER_REPOSITORY = {
    "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_QUARANTINE_PATH",
}  # fmt: skip


class _Child(NamedTuple):
    mode: str
    id: str


class CatFile:
    """One `git cat-file --batch` process: objects by id, and files by commit and path."""

    def __init__(self, repo: Path) -> None:
        self._lock = threading.Lock()
        self._folders: dict[str, dict[str, _Child]] = {}
        self._roots: dict[str, str] = {}
        self._held = 0
        self._process = subprocess.Popen(
            [*_COMMAND, "-C", str(repo), "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=git_environment(),
        )

    def close(self) -> None:
        """End the process; a second call does nothing."""
        if self._process.stdin and not self._process.stdin.closed:
            # It may have ended by itself, with a question still on its way.
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        if self._process.stdout:
            self._process.stdout.close()
        self._process.wait()

    def object(self, name: str, limit: int | None = None) -> tuple[str, bytes] | None:
        """Return kind and content (`limit + 1` bytes of it at most) of an object id, or None."""
        found = self._ask(name, limit)
        return None if found is None else found[1:]

    def commit(self, rev: str) -> str | None:
        """Return the full id of the commit that a branch, tag or id names, or None."""
        if not _PLAIN.fullmatch(rev):
            return None
        found = self._ask(f"{rev}^{{commit}}", 0)
        return None if found is None else found[0]

    def _ask(self, name: str, limit: int | None) -> tuple[str, str, bytes] | None:
        """Return id, kind and content of what a name stands for, or None."""
        stdin, stdout = self._process.stdin, self._process.stdout
        with self._lock:
            try:
                if stdin is None or stdout is None:
                    raise BrokenPipeError
                stdin.write(name.encode() + b"\n")
                stdin.flush()
                header = stdout.readline().split()
                if len(header) != 3:  # noqa: PLR2004 - "<id> <kind> <size>", else "<id> missing"
                    if header:
                        return None
                    raise BrokenPipeError
                size = int(header[2])
                content = stdout.read(size if limit is None else min(size, limit + 1))
                # Read what is left and the line feed that ends every object.
                left = size - len(content) + 1
                while left > 0:
                    left -= len(stdout.read(min(left, _CHUNK))) or left
            except (OSError, ValueError) as error:
                raise BackendUnavailableError(
                    "git stopped answering while the registry was read",
                    hint="run `git fsck` in the repository; then try again",
                ) from error
        return header[0].decode(), header[1].decode(), content

    def child(self, commit: str, path: str) -> _Child | None:
        """Return mode and id of what `path` is in a commit; the empty path is its root."""
        if commit not in self._roots:
            found = self.object(commit)
            if found is None or found[0] != "commit":
                return None
            if len(self._roots) >= _MAX_ROOTS:
                self._roots.clear()
            self._roots[commit] = found[1].split(b"\n", 1)[0].removeprefix(b"tree ").decode()
        here: _Child | None = _Child(_FOLDER, self._roots[commit])
        if not path:
            return here
        parts = parts_of(path)
        for part in parts or [""]:
            if here is None or here.mode != _FOLDER:
                return None
            here = self.folder(here.id).get(part)
        return here

    def folder(self, tree: str) -> dict[str, _Child]:
        """Return the children of a git tree object by name."""
        if tree not in self._folders:
            found = self.object(tree)
            children = _parse_folder(found[1], len(tree) // 2) if found else {}
            self._held += len(children) + 1
            if self._held > _MAX_CHILDREN:
                self._folders.clear()
                self._held = len(children) + 1
            self._folders[tree] = children
        return self._folders[tree]

    def read(self, commit: str, path: str, limit: int | None = None) -> bytes | None:
        """Return the content of a regular file of a commit, or None where there is none."""
        child = self.child(commit, path)
        if child is None or child.mode not in {REGULAR, EXECUTABLE}:
            return None
        found = self.object(child.id, limit)
        return found[1] if found else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class GitTree:
    """The files of one commit; `commit` is its full id. Close it, or use it in a `with` block."""

    def __init__(self, repo: Path, rev: str = "HEAD", *, shared: CatFile | None = None) -> None:
        self.repo = repo
        self._shared = shared is not None
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

    def entries(self, prefix: str = "") -> list[TreeEntry]:
        """Return all files at or below `prefix`, sorted by path; symlinks are never followed."""
        prefix = prefix.strip("/")
        start = self._git.child(self.commit, prefix)
        if start is None:
            return []
        if start.mode != _FOLDER:
            return [TreeEntry(prefix, start.mode, start.id)]
        found: list[TreeEntry] = []
        pending = [(f"{prefix}/" if prefix else "", start.id)]
        visited = 0
        while pending:
            before, tree = pending.pop()
            visited += 1
            if visited + len(found) > _MAX_ENTRIES:
                # A few objects that contain each other's copies can stand for billions of files.
                raise UsageError(
                    f"the commit holds more than {_MAX_ENTRIES} files",
                    where=f"{self.commit}:{prefix}",
                    hint="remove what does not belong into a registry",
                )
            for name, child in self._git.folder(tree).items():
                if child.mode == _FOLDER:
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


def blob_at(repo: Path, ref: str, path: str) -> str | None:
    """Return the object id of a file on a branch now, or None; much cheaper than to read it."""
    result = run_git(repo, ["rev-parse", "--verify", "--quiet", f"{ref}:{path}"])
    return result.stdout.decode().strip() if result.returncode == 0 else None


def run_git(repo: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a git plumbing command in a repository and return what it said."""
    return subprocess.run(
        [*_COMMAND, "-C", str(repo), *arguments],
        capture_output=True,
        check=False,
        env=git_environment(),
        stdin=subprocess.DEVNULL,
    )


def git_environment() -> dict[str, str]:
    """Return the environment for plumbing: plain messages, no prompts, no optional locks.

    Variables that name another repository (a git hook has them) are left out.
    """
    return {
        **{k: v for k, v in os.environ.items() if k not in _OTHER_REPOSITORY},
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
    }


def _parse_folder(data: bytes, id_size: int) -> dict[str, _Child]:
    """Decode a git tree object: `<mode> <name> NUL <id>` repeated."""
    children: dict[str, _Child] = {}
    start = 0
    while start < len(data):
        space = data.index(b" ", start)
        mode = data[start:space].decode()
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "backslashreplace")
        start = end + 1 + id_size
        children[name] = _Child(mode, data[end + 1 : start].hex())
    return children
