"""A bare origin and a clone with a working folder, and the git commands that tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}  # fmt: skip


class Repository:
    """`origin` is bare and has one commit on main; `clone` is where changes are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.origin, self.clone = folder / "origin.git", folder / "clone"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            **IDENTITY,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def make(self, *, first: bool = True) -> Repository:
        self.git("init", "-q", "--bare", "-b", "main", str(self.origin), cwd=self.folder)
        self.git("init", "-q", "-b", "main", str(self.clone), cwd=self.folder)
        # Relative, so that a copy of the folder is a repository of its own.
        self.git("remote", "add", "origin", "../origin.git")
        if first:
            self.write("readme", "one\n")
            self.commit("first")
            self.git("push", "-q", "origin", "main")
        return self

    def copy(self, folder: Path) -> Repository:
        for path in (self.origin, self.clone):
            shutil.copytree(path, folder / path.name)
        return Repository(folder)

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.clone, env=self.env, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        target = self.clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str, files: dict[str, str] | None = None, *, start: str = "main") -> str:
        """Push a branch with one commit, without checking it out; return the commit."""
        self.git("checkout", "-q", "--detach", start)
        for path, text in (files or {f"{name}.txt": name}).items():
            self.write(path, text)
        commit = self.commit(f"change {name}")
        self.git("push", "-q", "-f", "origin", f"{commit}:refs/heads/{name}")
        return commit

    def main(self) -> str:
        return self.git("rev-parse", "refs/heads/main", cwd=self.origin)

    def main_files(self) -> set[str]:
        return set(self.git("ls-tree", "-r", "--name-only", "main", cwd=self.origin).split("\n"))

    def first_parents(self) -> list[str]:
        return self.git("rev-list", "--first-parent", "main", cwd=self.origin).split("\n")
