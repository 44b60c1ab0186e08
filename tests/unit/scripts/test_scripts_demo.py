"""The demo empties its own folders only, and one demo at a time uses a folder."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_DEMO = Path(__file__).resolve().parents[3] / "scripts" / "demo.py"
_MARK = ".neurocaas-demo"


def _demo(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(_DEMO), "--folder", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with _demo(tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "holds other things; name an empty or a new folder" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "origin.git").mkdir()
    with (tmp_path / _MARK).open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        with _demo(tmp_path) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "another demo is running" in errors
    assert (tmp_path / "origin.git").is_dir()


def test_stopped_and_begun_again(tmp_path: Path) -> None:
    """Ctrl-C ends it with 130; the next one keeps `cache/` only, links are not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    folder = tmp_path / "demo"
    (folder / "cache").mkdir(parents=True)
    (folder / "cache/download").touch()
    (folder / _MARK).touch()
    (folder / "old").touch()
    (folder / "link").symlink_to(elsewhere)
    process = _demo(folder)
    try:
        deadline = time.monotonic() + 30
        while (folder / "link").is_symlink() or not (folder / "origin.git").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # To the whole group, as a terminal does.
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130
    assert errors.endswith("demo: stopped; it starts afresh next time\n")
    assert not (folder / "old").exists()
    assert (folder / "cache/download").exists()
    assert (elsewhere / "kept").exists()
