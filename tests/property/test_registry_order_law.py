"""Law: findings depend on what the files hold, not on their order or on how they are reached."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
from pathlib import Path

from hostile_files import PLACES, SOUND, contents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registry_worlds import MemoryTree, recipe_of

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import of_entries
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.registry.tree import Tree, TreeEntry
from neurocaas_ci.validate.engine import judge

_FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
_FAULTS = st.dictionaries(st.sampled_from(PLACES), contents, min_size=1, max_size=4)


def _sound() -> dict[str, bytes]:
    paths = (path for path in SOUND.rglob("*") if path.is_file())
    return {path.relative_to(SOUND).as_posix(): path.read_bytes() for path in paths}


def _judge(base: Tree, head: Tree) -> tuple[Finding, ...]:
    changes = of_entries(base.entries(), head.entries())
    return judge(Registry(base), Registry(head), changes, recipe_of=recipe_of)


@_FEW
@given(_FAULTS, st.integers(0, 9))
def test_the_order_of_files_changes_nothing(faults: dict[str, bytes], seed: int) -> None:
    def order(entry: TreeEntry) -> bytes:
        return hashlib.sha256(f"{seed}{entry.path}".encode()).digest()

    files = list({**_sound(), **faults}.items())
    expected = _judge(MemoryTree(_sound()), MemoryTree(dict(files)))
    random.Random(seed).shuffle(files)
    shuffled = MemoryTree(dict(files), order)
    assert _judge(MemoryTree(_sound(), order), shuffled) == expected
    changes = list(of_entries(MemoryTree(_sound()).entries(), shuffled.entries()))
    changes.reverse()
    again = judge(Registry(MemoryTree(_sound())), Registry(shuffled), changes, recipe_of=recipe_of)
    assert again == expected


def test_a_folder_and_a_commit_of_it_get_the_same_findings(tmp_path: Path) -> None:
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
        subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, env=env, check=True, capture_output=True
        )

    git("init", "-q", "-b", "main")
    before = MemoryTree(_sound())
    found = 0

    @settings(_FEW, max_examples=10)
    @given(_FAULTS)
    def same(faults: dict[str, bytes]) -> None:
        nonlocal found
        files = {**_sound(), **faults}
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        git("add", "-A")
        git("commit", "-q", "--allow-empty", "-m", "Change")
        expected = _judge(before, MemoryTree(files))
        assert _judge(before, FolderTree(tmp_path)) == expected
        with GitTree(tmp_path, "main") as tree:
            assert _judge(before, tree) == expected
        for path in faults.keys() - _sound().keys():
            (tmp_path / path).unlink()
        found += len(expected)

    same()
    assert found
