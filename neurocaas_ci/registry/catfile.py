"""Objects of a git repository through one lasting `git cat-file --batch` process."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.named import NamedTuple
from neurocaas_ci.patterns import late
from neurocaas_ci.registry.plumbing import COMMAND, git_environment
from neurocaas_ci.registry.tree import EXECUTABLE, REGULAR, parts_of

FOLDER = "40000"
_CHUNK = 1 << 20
# A whole history holds as many folders as it likes; what is forgotten is read again.
_MAX_ROOTS = 2_000
_MAX_CHILDREN = 300_000
# Read ahead is what is small and soon asked for. Questions of this length (bytes) fit into any pipe,
# so that git can take them all before the first answer is read.
_AHEAD_BYTES = 32_000
_AHEAD_OBJECTS = 1_000
_QUESTIONS = 4_096
_FEW = 20
# Refs and ids; what else a revision can be, git is asked for by another command.
_PLAIN = late(r"[0-9A-Za-z][0-9A-Za-z._/-]*")


class Child(NamedTuple):
    """What a folder holds under one name: git mode and object id."""

    mode: str
    id: str


class CatFile:
    """One `git cat-file --batch` process: objects by id, and files by commit and path."""

    def __init__(self, repo: Path) -> None:
        self._lock = threading.Lock()
        self._folders: dict[str, dict[str, Child]] = {}
        self._roots: dict[str, str] = {}
        self._held = 0
        self._ahead: dict[str, tuple[str, bytes]] = {}
        self._process = subprocess.Popen(
            [*COMMAND, "-C", str(repo), "cat-file", "--batch"],
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
        found = self._ahead.pop(name, None)
        if found is not None:
            return found if limit is None else (found[0], found[1][: limit + 1])
        answer = self._ask(name, limit)
        return None if answer is None else answer[1:]

    def ahead(self, names: Iterable[str]) -> None:
        """Read objects (full ids) that are soon asked for, many at a time, once each.

        Large ones are left for then; what was read ahead before and not asked for is forgotten.
        """
        self._ahead.clear()
        names = list(dict.fromkeys(names))[:_AHEAD_OBJECTS]
        at_once = _QUESTIONS // (max(map(len, names), default=0) + 1)
        for start in range(0, len(names), at_once):
            some = names[start : start + at_once]
            with self._conversation() as (stdin, stdout):
                stdin.write("".join(f"{name}\n" for name in some).encode())
                stdin.flush()
                for name in some:
                    answer = _answer(stdout, _AHEAD_BYTES)
                    if answer is not None and len(answer[2]) <= _AHEAD_BYTES:
                        self._ahead[name] = answer[1:]

    def folders_ahead(self, trees: Iterable[str]) -> None:
        """Read git tree objects that are soon asked for as folders, as far as that helps."""
        new = dict.fromkeys(tree for tree in trees if tree not in self._folders)
        if len(new) > 1:
            self.ahead(new)

    def commit(self, rev: str) -> str | None:
        """Return the full id of the commit that a branch, tag or id names, or None."""
        if not _PLAIN.fullmatch(rev):
            return None
        found = self._ask(f"{rev}^{{commit}}", 0)
        return None if found is None else found[0]

    def ids(self, commits: Iterable[str], path: str) -> dict[str, str]:
        """Return what a plain path is in many commits (full ids), by its id; where it is, that is."""
        if parts_of(path) is None or "\n" in path:
            return {}
        commits = list(dict.fromkeys(commits))
        found: dict[str, str] = {}
        # All questions are asked before the first answer is read, so they must fit into a pipe.
        for start in range(0, len(commits), _FEW):
            some = commits[start : start + _FEW]
            with self._conversation() as (stdin, stdout):
                stdin.write("".join(f"{commit}:{path}\n" for commit in some).encode())
                stdin.flush()
                answers = [_answer(stdout, 0) for _ in some]
            found |= {c: answer[0] for c, answer in zip(some, answers, strict=True) if answer}
        return found

    def _ask(self, name: str, limit: int | None) -> tuple[str, str, bytes] | None:
        """Return id, kind and content of what a name stands for, or None."""
        with self._conversation() as (stdin, stdout):
            stdin.write(name.encode() + b"\n")
            stdin.flush()
            return _answer(stdout, limit)

    @contextlib.contextmanager
    def _conversation(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Give the process to one thread; raise BackendUnavailableError when it has ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        with self._lock:
            try:
                if stdin is None or stdout is None:
                    raise BrokenPipeError
                yield stdin, stdout
            except (OSError, ValueError) as error:
                raise BackendUnavailableError(
                    "git stopped answering while the registry was read",
                    hint="run `git fsck` in the repository; then try again",
                ) from error

    def child(self, commit: str, path: str) -> Child | None:
        """Return mode and id of what `path` is in a commit; the empty path is its root."""
        if commit not in self._roots:
            found = self.object(commit)
            if found is None or found[0] != "commit":
                return None
            if len(self._roots) >= _MAX_ROOTS:
                self._roots.clear()
            self._roots[commit] = found[1].split(b"\n", 1)[0].removeprefix(b"tree ").decode()
        here: Child | None = Child(FOLDER, self._roots[commit])
        if not path:
            return here
        parts = parts_of(path)
        for part in parts or [""]:
            if here is None or here.mode != FOLDER:
                return None
            here = self.folder(here.id).get(part)
        return here

    def folder(self, tree: str) -> dict[str, Child]:
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


def _answer(stdout: IO[bytes], limit: int | None) -> tuple[str, str, bytes] | None:
    """Read id, kind and content (`limit + 1` bytes of it at most) of one object, or None."""
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
    return header[0].decode(), header[1].decode(), content


def _parse_folder(data: bytes, id_size: int) -> dict[str, Child]:
    """Decode a git tree object: `<mode> <name> NUL <id>` repeated."""
    children: dict[str, Child] = {}
    start = 0
    while start < len(data):
        space = data.index(b" ", start)
        mode = data[start:space].decode()
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "backslashreplace")
        start = end + 1 + id_size
        children[name] = Child(mode, data[end + 1 : start].hex())
    return children
