"""Golden cases: what `neurocaas validate` says of a change, through real commits.

`registry/` is a sound registry. A folder of `cases/` holds what is laid over it on main (`before/`),
what the change lays over that (`after/`), and the expected stdout (`expected.txt`). What files
cannot say stands in `change.txt`, one step per line: `remove PATH`, `rename OLD NEW`,
`executable PATH`, `link PATH TARGET`, `submodule PATH`. NEUROCAAS_REWRITE=1 writes expected.txt anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = sorted(folder.name for folder in (HERE / "cases").iterdir())
_REWRITE = bool(os.environ.get("NEUROCAAS_REWRITE"))
_FINDINGS = 10


class _Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
            "NEUROCAAS_HOME": str(folder.parent / "home"),
            "NEUROCAAS_CACHE": str(folder.parent / "cache"),
        }  # fmt: skip
        folder.mkdir()
        (folder.parent / "cache").mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def lay(self, source: Path) -> None:
        if source.is_dir():
            # Times of change are not copied: git takes a file of the same time and size for the same.
            shutil.copytree(source, self.folder, dirs_exist_ok=True, copy_function=shutil.copyfile)

    def commit(self, steps: str = "") -> None:
        submodules = []
        for line in steps.splitlines():
            verb, path, *rest = line.split(" ")
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if verb == "remove":
                target.unlink()
            elif verb == "rename":
                self.git("add", "-A")
                (self.folder / rest[0]).parent.mkdir(parents=True, exist_ok=True)
                self.git("mv", path, rest[0])
            elif verb == "executable":
                target.chmod(0o755)
            elif verb == "link":
                target.unlink(missing_ok=True)
                target.symlink_to(rest[0])
            else:
                assert verb == "submodule"
                submodules.append(path)
        self.git("add", "-A")
        for path in submodules:
            self.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{path}")
        self.git("commit", "-q", "--allow-empty", "-m", "Change")


@pytest.mark.parametrize("name", CASES)
def test_a_change_is_judged_as_expected(name: str, tmp_path: Path) -> None:
    case = HERE / "cases" / name
    repository = _Repository(tmp_path / "repo")
    repository.lay(HERE / "registry")
    repository.lay(case / "before")
    repository.commit()
    repository.git("switch", "-q", "-c", "change")
    repository.lay(case / "after")
    steps = case / "change.txt"
    repository.commit(steps.read_text() if steps.exists() else "")
    command = [sys.executable, "-m", "neurocaas_ci.cli.main", "validate"]
    done = subprocess.run(
        [*command, "--base", "main", "--head", "change"],
        cwd=repository.folder, env=repository.env, capture_output=True, check=False,
    )  # fmt: skip
    said = done.stdout.decode()
    if _REWRITE:
        (case / "expected.txt").write_text(said)
    assert said == (case / "expected.txt").read_text(), done.stderr.decode()
    assert done.returncode == (_FINDINGS if " error: " in said else 0), done.stderr.decode()
