"""A scratch leaves nothing behind, and sweeps what a killed owner left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from neurocaas_ci.run.scratch import Scratch

HOLD = """
import sys, time
from pathlib import Path
from neurocaas_ci.run.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
(scratch.new() / "half").write_text("x")
print(scratch.folder.name, flush=True)
time.sleep(60)
"""


def test_a_scratch_leaves_nothing(tmp_path):
    root = tmp_path / "scratch"
    with Scratch(root) as scratch:
        folders = {scratch.new() for _ in range(3)}
        assert len(folders) == 3
        (folders.pop() / "x").write_text("x")
        scratch.discard(folders.pop())
        for layout in (frozenset(), frozenset({"a", "a/b", "c"})):
            with scratch.attempt(layout, again=True) as attempt:
                (root / attempt.inputs / "config.yaml").write_text("{}")
    assert list(root.iterdir()) == []


def test_what_a_killed_owner_left_is_swept_and_the_living_are_left_alone(tmp_path):
    root = tmp_path / "scratch"
    holders = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        dead, alive = (holder.stdout.readline().strip() for holder in holders)
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait(10)
        with Scratch(root) as scratch:
            names = {entry.name for entry in root.iterdir()}
            assert names == {alive, scratch.folder.name}
            assert dead not in names
    finally:
        for holder in holders:
            holder.kill()
            holder.wait(10)
            holder.stdout.close()


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_what_a_killed_sweeper_left_is_swept_at_once(tmp_path, monkeypatch, moment):
    dead = tmp_path / "dead"
    for below in ("one", "two"):
        (dead / below).mkdir(parents=True)
        (dead / below / "content").touch()
    (dead / "owner.lock").touch()
    real, removed = os.unlink, []

    class KilledError(BaseException):
        """Stands for SIGKILL: nobody catches it."""

    def unlink_or_die(path, **options):
        removed.append(path)
        if len(removed) == moment:
            raise KilledError
        real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink_or_die)
        with pytest.raises(KilledError), Scratch(tmp_path):
            pass
    assert (dead / "owner.lock").exists()
    with Scratch(tmp_path) as scratch:
        assert list(tmp_path.iterdir()) == [scratch.folder]


def test_what_cannot_be_removed_keeps_its_lock_for_the_next_sweeper(tmp_path, monkeypatch):
    dead = tmp_path / "dead"
    (dead / "attempt").mkdir(parents=True)
    (dead / "attempt/content").touch()
    (dead / "owner.lock").touch()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with Scratch(tmp_path):
            assert {entry.name for entry in dead.iterdir()} == {"attempt", "owner.lock"}
    with Scratch(tmp_path) as scratch:
        assert list(tmp_path.iterdir()) == [scratch.folder]


def test_what_nobody_came_to_own_is_swept_when_it_is_old(tmp_path):
    old, fresh, file = (tmp_path / name for name in ("old", "fresh", "spooled"))
    for folder in (old, fresh):
        folder.mkdir()
        (folder / ".owner.lock").touch()
    file.touch()
    hours_ago = time.time() - 2 * 3600
    os.utime(old, (hours_ago, hours_ago))
    os.utime(file, (hours_ago, hours_ago))
    with Scratch(tmp_path) as scratch:
        assert {entry.name for entry in tmp_path.iterdir()} == {
            "fresh", "spooled", scratch.folder.name
        }  # fmt: skip
