"""The set-up of the image registry does nothing when all is there, and says what is skipped if not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).resolve().parents[3] / "scripts/setup-registry"
_TOOLS = ("bash", "cat", "dirname", "flock", "id", "mktemp", "rm", "tail")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "check out"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(_SCRIPT, folder / "scripts")
    return folder


def _set_up(checkout: Path, *tools: str, **scripts: str) -> subprocess.CompletedProcess[str]:
    """Run the script where only some programs are found; `tools` succeed at everything."""
    programs = checkout / "bin"
    programs.mkdir()
    for name in _TOOLS:
        (programs / name).symlink_to(shutil.which(name) or name)
    for name in tools:
        (programs / name).symlink_to("/bin/true")
    for name, text in scripts.items():
        path = programs / name.replace("_", "-")
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    return subprocess.run(
        [str(programs / "bash"), str(checkout / "scripts/setup-registry")],
        env={"PATH": str(programs), "HOME": os.environ.get("HOME", "/")},
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_nothing_to_do(checkout):
    done = _set_up(checkout, "skopeo", "docker-registry")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_unpacked_registry_is_enough(checkout):
    (checkout / ".registry").mkdir()
    (checkout / ".registry/docker-registry").symlink_to("/bin/true")
    done = _set_up(checkout, "skopeo")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_where_nothing_can_be_installed_it_says_what_follows(checkout):
    done = _set_up(checkout)
    assert done.returncode == 0
    assert "no skopeo to be had" in done.stderr
    assert "no registry to be had" in done.stderr
    assert not (checkout / ".registry").exists()


def test_a_package_that_cannot_be_had_leaves_nothing(checkout):
    done = _set_up(
        checkout, "skopeo", "dpkg-deb", apt_get="echo no such package >&2; exit 100",
        sudo="exit 1",
    )  # fmt: skip
    assert done.returncode == 0
    assert "no such package" in done.stderr
    assert "no registry to be had" in done.stderr
    assert not (checkout / ".registry").exists()
