"""What a working folder changes: git's index must say the same as reading every file."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.registry.changes import Change, of_entries
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.worktree import uncommitted

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
_WATCHED = ("registry", "iae")


class Repo:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main", str(root))
        for number in range(12):
            self.put(f"registry/jobs/u{number % 3}/{number}.yaml", f"n: {number}\n")
        self.put("iae/demo/src/a.py", "a = 1\n")
        self.put(".gitignore", "*.log\nbuilt/\n")
        self.commit()

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *(() if arguments[0] == "init" else ("-C", str(self.root))), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **_ENVIRONMENT},
        ).stdout.strip()

    def put(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def changes(self, base: str) -> tuple[Change, ...]:
        return uncommitted(self.root, base, FolderTree(self.root), _WATCHED)

    def read_all(self, base: str) -> tuple[Change, ...]:
        folder = FolderTree(self.root)
        with GitTree(self.root, base) as tree:
            return of_entries(
                [entry for name in _WATCHED for entry in tree.entries(name)],
                [entry for name in _WATCHED for entry in folder.entries(name)],
            )


def _comparable(changes: tuple[Change, ...]) -> list[tuple[str, str, str, str]]:
    """Leave out how absence is written: git fills in zeros where there is no content."""
    return [(c.path, c.status, c.mode, "" if c.status == "deleted" else c.blob) for c in changes]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def _edit(repo: Repo, chance: random.Random) -> None:
    files = [p for w in _WATCHED for p in (repo.root / w).rglob("*") if p.is_file()]
    place = chance.choice(files)
    what = chance.choice(["write", "delete", "mode", "link", "add", "stage", "unstage", "folder"])
    if what == "write":
        place.unlink()
        place.write_text(f"{chance.random()}\n")
    elif what == "delete":
        place.unlink()
    elif what == "mode":
        place.chmod(0o755 if chance.random() < 0.7 else 0o644)
    elif what == "link":
        place.unlink()
        place.symlink_to("elsewhere")
    elif what == "add":
        repo.put(f"registry/new/{chance.randrange(9)}.log", f"{chance.random()}")
    elif what == "stage":
        repo.git("add", "-A")
    elif what == "unstage":
        repo.git("rm", "-q", "-r", "--cached", "--ignore-unmatch", "registry/jobs/u1")
    else:
        place.unlink()
        place.mkdir()
        (place / "inside.yaml").write_text("x")


@pytest.mark.parametrize("seed", range(40))
def test_the_index_says_what_reading_everything_says(repo: Repo, seed: int) -> None:
    base = repo.git("rev-parse", "HEAD")
    chance = random.Random(seed)
    for _ in range(chance.randrange(1, 8)):
        _edit(repo, chance)
    assert _comparable(repo.changes(base)) == _comparable(repo.read_all(base))


def test_an_untouched_folder_changes_nothing(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    assert repo.changes(base) == ()
    place = repo.root / "registry/jobs/u0/0.yaml"
    os.utime(place, (1, 1))
    assert repo.changes(base) == ()


def test_an_older_commit_is_compared_with_the_folder_not_with_the_newest_commit(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.put("registry/users/ada.yaml", "one")
    repo.commit()
    repo.put("registry/users/ada.yaml", "two")
    assert [(c.path, c.status) for c in repo.changes(base)] == [
        ("registry/users/ada.yaml", "added")
    ]


def test_outside_of_the_watched_folders_what_is_ignored_does_not_count(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.put("built/x", "1")
    repo.put("code.py", "1")
    repo.put("registry/jobs/u0/trace.log", "1")
    repo.put("registry/__pycache__/x.pyc", "1")
    assert [c.path for c in repo.changes(base)] == ["code.py", "registry/jobs/u0/trace.log"]


def test_a_repository_inside_is_read_like_a_folder(repo: Repo) -> None:
    base = repo.git("rev-parse", "HEAD")
    repo.git("init", "-q", str(repo.root / "iae/nested"))
    repo.put("iae/nested/f.py", "1")
    assert [c.path for c in repo.changes(base)] == ["iae/nested/f.py"]
    shutil.rmtree(repo.root / "iae/nested")


def test_a_commit_that_is_not_there_is_a_clear_error(repo: Repo) -> None:
    with pytest.raises(UsageError, match="git diff failed"):
        repo.changes("0" * 40)
