"""One walk over the history finds what a search for each version finds."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from neurocaas_ci.errors import FindingsError
from neurocaas_ci.registry.changes import published
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.versions import Versions

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
_NAMES = ("one", "two")
_NUMBERS = ("0.1.0", "0.2.0", "1.0.0")


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **_ENVIRONMENT},
    ).stdout.strip()


def _step(root: Path, chance: random.Random, number: int) -> None:
    path = root / "registry/blueprints" / f"{chance.choice(_NAMES)}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    what = chance.randrange(6)
    if what == 0 and path.exists():
        path.unlink()
    elif what == 1:
        path.write_text("version: [broken\n")
    elif what == 2:
        (root / "other").write_text(str(number))
    else:
        path.write_text(f"version: {chance.choice(_NUMBERS)}\nn: {number}\n")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "--allow-empty", "-m", "x")


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_to_find_a_version_agree(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    _git(tmp_path, "init", "-q", "-b", "main")
    for number in range(12):
        _step(tmp_path, chance, number)
        if number in {4, 8}:
            _git(tmp_path, "switch", "-q", "-c", f"side-{number}")
            _step(tmp_path, chance, 100 + number)
            _git(tmp_path, "switch", "-q", "main")
            _git(tmp_path, "merge", "-q", "--no-ff", "-m", "m", f"side-{number}")
    head = _git(tmp_path, "rev-parse", "HEAD")
    with GitTree(tmp_path, head) as tree:
        versions = Versions(tmp_path, head, tree.objects)
        for name in (*_NAMES, "none"):
            for version in (*_NUMBERS, "9.9.9"):
                try:
                    expected: str | None = published(tmp_path, head, name, version)
                except FindingsError:
                    expected = None
                assert versions.commit_of(name, version) == expected
