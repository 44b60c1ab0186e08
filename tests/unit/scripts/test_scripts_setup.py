"""The set-up does nothing when nothing has changed, and says what is wrong where it cannot go on."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[3]
_INPUTS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-sandbox.lock",
    "pyproject.toml",
    "scripts/setup",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout that is set up, as far as the script can tell."""
    folder = tmp_path / "check out"
    digest = hashlib.sha256()
    for name in _INPUTS:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ROOT / name, target)
        digest.update(target.read_bytes())
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    for program in ("python", "bwrap"):
        (programs / program).symlink_to(sys.executable)
    (folder / ".venv/.setup-run").write_text(f"{digest.hexdigest()} {folder}")
    return folder


def _set_up(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # Where it would install, it finds a Python that cannot be used and stops.
    return subprocess.run(
        [str(folder / "scripts/setup"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHON": "/usr/bin/false", **variables},
    )


def test_nothing_to_do(checkout: Path) -> None:
    began = time.monotonic()
    done = _set_up(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 2
    assert not (checkout / ".setup.lock").exists()


def test_through_a_symlink(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkout)
    assert _set_up(link).returncode == 0


def test_development_set_up_serves_both(checkout: Path) -> None:
    assert _set_up(checkout, "dev").returncode == 1
    (checkout / ".venv/.setup-run").rename(checkout / ".venv/.setup-dev")
    assert _set_up(checkout, "dev").returncode == 0
    assert _set_up(checkout, "run").returncode == 0


@pytest.mark.parametrize("name", _INPUTS)
def test_changed_inputs_are_noticed(checkout: Path, name: str) -> None:
    with (checkout / name).open("a") as file:
        file.write("\n# changed\n")
    assert _set_up(checkout).returncode == 1


def test_a_moved_checkout_is_noticed(checkout: Path, tmp_path: Path) -> None:
    moved = checkout.rename(tmp_path / "moved")
    assert _set_up(moved).returncode == 1


def test_a_lost_interpreter_is_noticed(checkout: Path) -> None:
    (checkout / ".venv/bin/python").unlink()
    assert _set_up(checkout).returncode == 1


def test_no_python(checkout: Path) -> None:
    (checkout / ".venv/.setup-run").unlink()
    done = _set_up(checkout)
    assert done.returncode == 1
    assert done.stderr == (
        "setup: no Python 3.11 or later among: /usr/bin/false; "
        "install one, or name it: PYTHON=… make …\n"
    )


def test_unknown_kind(checkout: Path) -> None:
    done = _set_up(checkout, "nonsense")
    assert (done.returncode, done.stderr) == (2, "usage: scripts/setup [run|dev]\n")


def test_its_own_interpreter_never_makes_the_environment(checkout: Path) -> None:
    """`make` puts .venv/bin first on PATH; what is about to be removed must not be used."""
    (checkout / ".venv/.setup-run").unlink()
    own = checkout / ".venv/bin"
    (own / "python3").symlink_to("/usr/bin/true")
    empty = checkout / "bin"
    empty.mkdir()
    for name in ("cat", "dirname", "flock", "git", "sha256sum"):
        found = shutil.which(name)
        assert found
        (empty / name).symlink_to(found)
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, str(checkout / "scripts/setup")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": f"{own}:{empty}"},
    )
    assert done.returncode == 1
    assert "no Python 3.11 or later among: python3 " in done.stderr


@pytest.mark.parametrize("name", [name for name in _INPUTS if name.endswith(".lock")])
def test_locks_name_no_places(name: str) -> None:
    """Locks hold names, versions and hashes; where packages come from is the machine's business."""
    lines = (_ROOT / name).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith(("-", "#"))]
    names = [line for line in lines if not line.startswith(" ")]
    assert names
    assert all("==" in line for line in names)
    assert all(line.startswith("    --hash=sha256:") for line in lines if line not in names)


def test_locks_agree() -> None:
    """What runs the platform is what it was tested with."""

    def pins(name: str) -> set[str]:
        lines = (_ROOT / name).read_text().splitlines()
        return {line.partition(" ")[0] for line in lines if not line.startswith(" ")}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
