"""A real bare git repository: what the fake asks git, in the shapes that its answers need."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ZERO = "0" * 40
_STATUS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "C": "copied", "T": "changed"}  # fmt: skip
_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"

_ID = re.compile(r"[0-9a-f]{40}")
_CONFIG = """
[http]
  receivepack = true
[uploadpack]
  allowFilter = true
  allowAnySHA1InWant = true
[receive]
  hideRefs = refs/pull
  autogc = false
[gc]
  auto = 0
"""

# Without bypass nobody pushes to a protected branch, and who may not write workflows pushes none.
_HOOK = """#!/bin/sh
while read -r old new ref; do
  case " $FAKE_PROTECTED " in *" $ref "*)
    echo "error: GH006: Protected branch update failed for $ref." >&2
    echo "error: Changes must be made through a pull request." >&2
    exit 1;;
  esac
  case "$new" in *[!0]*) ;; *) continue;; esac
  test -n "$FAKE_NO_WORKFLOWS" || continue
  case "$old" in *[!0]*) ;; *) old=$(git merge-base "$new" HEAD 2>/dev/null);; esac
  test -n "$old" || old=$(git hash-object -t tree /dev/null)
  for path in $(git diff --name-only "$old" "$new" -- .github/workflows); do
    echo "refusing to allow a GitHub App to create or update workflow \\`$path\\` without \\`workflows\\` permission" >&2
    exit 1
  done
done
"""


class FileChange(NamedTuple):
    """A file that two trees do not have alike."""

    path: str
    status: str
    sha: str
    mode: str
    old_path: str | None
    additions: int
    deletions: int
    patch: str | None


@dataclass(frozen=True)
class Commit:
    """What a commit says of itself."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    message: str


class GitError(Exception):
    """Git refused; the message is its own."""


class Bare:
    """A bare repository on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._differences: dict[tuple[str, str], list[FileChange]] = {}
        self._said: dict[tuple[str, ...], str] = {}

    def make(self) -> None:
        """Make it, with the settings that GitHub serves repositories with."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._git(
            "init",
            "-q",
            "--bare",
            "-b",
            "main",
            "--template=",
            str(self.path),
            cwd=self.path.parent,
        )
        with (self.path / "config").open("a") as config:
            config.write(_CONFIG)
        hook = self.path / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment of git: no settings of whoever runs the tests."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def _git(
        self, *arguments: str, cwd: Path | None = None, data: bytes | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
        return subprocess.run(
            ["git", *arguments], cwd=cwd or self.path, input=data, capture_output=True,
            env={**self.environment, **(env or {})}, check=False, timeout=100,
        )  # fmt: skip

    def run(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> str:  # fmt: skip
        """Return what git prints; raise GitError when it refuses."""
        done = self._git(*arguments, data=data, env=env)
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]}")
        return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def ask(self, *arguments: str) -> str | None:
        """Return what git prints, or None when it refuses."""
        done = self._git(*arguments)
        return None if done.returncode else done.stdout.decode("utf-8", "surrogateescape").strip()

    def _always(self, *arguments: str) -> str | None:
        """Ask about objects named by their ids: what git once said of them stays true."""
        if arguments in self._said:
            return self._said[arguments]
        said = self.ask(*arguments)
        names = [name for a in arguments[1:] if not a.startswith("-") for name in a.split("..")]
        if said is not None and all(map(_ID.fullmatch, names)):
            self._said[arguments] = said
        return said

    def refs(self) -> dict[str, str]:
        """Return all branches and tags with the objects that they point to."""
        text = self.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")  # fmt: skip
        return {ref: sha for sha, _, ref in (line.partition(" ") for line in text.splitlines())}

    def commit_of(self, name: str) -> str | None:
        """Return the commit that a branch, a tag or the id of an object means."""
        if _ID.fullmatch(name) and self.kind(name) == "commit":
            return name
        branches = () if name.startswith("refs/") else (f"refs/heads/{name}", f"refs/tags/{name}")
        for full in (*branches, name):
            if found := self.ask("rev-parse", "-q", "--verify", "--end-of-options", full + "^{commit}"):  # fmt: skip
                return found
        return None

    def object_at(self, treeish: str, path: str) -> str | None:
        """Return the object at a path of a tree."""
        return self.ask("rev-parse", "-q", "--verify", f"{treeish}:{path}")

    def kind(self, sha: str) -> str | None:
        """Return the kind of an object, or None when there is none."""
        return self._always("cat-file", "-t", sha)

    def blob(self, sha: str) -> bytes:
        """Return the bytes of a blob."""
        return self._git("cat-file", "blob", sha).stdout

    def write_blob(self, data: bytes) -> str:
        """Keep bytes as a blob."""
        return self.run("hash-object", "-w", "--stdin", data=data)

    def entries(self, tree: str, *options: str) -> list[tuple[str, str, str, int | None, str]]:
        """Return (mode, kind, object, size, path) of what a tree holds."""
        found = []
        for line in self.run("ls-tree", "-l", "-z", *options, tree).split("\0"):
            if line:
                meta, _, path = line.partition("\t")
                mode, kind, sha, size = meta.split()
                found.append((mode, kind, sha, None if size == "-" else int(size), path))
        return found

    def log(self, *arguments: str) -> list[Commit]:
        """Return the commits of `git log`."""
        text = self.run("log", "-z", f"--format={_FORMAT}%x01", *arguments, "--")
        commits = []
        for record in text.split("\x01"):
            if record := record.lstrip("\0"):
                sha, tree, parents, an, ae, ad, cn, ce, cd, message = record.split("\0", 9)
                commits.append(
                    Commit(sha, tree, tuple(parents.split()), (an, ae, ad), (cn, ce, cd),
                           message.rstrip("\n"))
                )  # fmt: skip
        return commits

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the commit where two histories part."""
        return self._always("merge-base", one, other)

    def count(self, revisions: str) -> int:
        """Return how many commits there are."""
        return int(self._always("rev-list", "--count", revisions) or 0)

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Tell whether a commit is in the history of another."""
        return self._always("merge-base", "--is-ancestor", ancestor, descendant) is not None

    def merged_tree(self, base: str, head: str) -> str | None:
        """Return the tree of a merge, or None when there are conflicts."""
        found = self._always("merge-tree", "--write-tree", "--no-messages", base, head)
        return found.splitlines()[0] if found else None

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, env: Mapping[str, str]) -> str:  # fmt: skip
        """Make a commit."""
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self.run("commit-tree", tree, *flags, data=message.encode(), env=env)

    def differences(self, base: str, head: str) -> list[FileChange]:
        """Return the changed files between two trees, renames found as git finds them."""
        key = base, head
        if key not in self._differences:
            self._differences[key] = self._diff(base, head)
        return self._differences[key]

    def _diff(self, base: str, head: str) -> list[FileChange]:
        common = ("diff", "--no-ext-diff", "-M", "--no-color", base, head)
        raw = self.run(*common, "--raw", "-z", "--abbrev=40").split("\0")
        numbers = iter(self.run(*common, "--numstat", "-z").split("\0"))
        patches = self.run(*common, "-p").encode("utf-8", "surrogateescape").decode(errors="replace")  # fmt: skip
        texts = iter(("\n" + patches).split("\ndiff --git ")[1:])
        found, fields = [], iter(raw)
        for meta in fields:
            if not meta:
                continue
            old_mode, mode, old_sha, sha, letter = meta.lstrip(":").split()
            old_path = next(fields)
            renamed = letter[0] in "RC"
            path = next(fields) if renamed else old_path
            added, deleted, _ = next(numbers).split("\t")
            if renamed:
                next(numbers), next(numbers)
            _, at, patch = next(texts, "").partition("\n@@")
            gone = letter[0] == "D"
            found.append(
                FileChange(
                    path, _STATUS[letter[0]], old_sha if gone else sha, old_mode if gone else mode,
                    old_path if renamed else None, int(added.replace("-", "0")),
                    int(deleted.replace("-", "0")), "@@" + patch.rstrip("\n") if at else None,
                )
            )  # fmt: skip
        return found
