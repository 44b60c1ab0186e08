"""The set-up of the JavaScript tests: what it pins, when it does nothing, and when it gives up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from interop_verifiers import JS, require_node

ROOT = JS.parents[1]
_INPUTS = ("package.json", "package-lock.json", ".npmrc")
_TOOLS = ("bash", "cat", "dirname", "flock", "sha256sum", "uname", "id")


def lock():
    return json.loads((JS / "package-lock.json").read_text())


def test_the_lock_names_no_places():
    """It holds names, versions and hashes; where packages come from is the machine's business."""
    text = (JS / "package-lock.json").read_text()
    assert "://" not in text
    assert "resolved" not in text
    packages = {name: item for name, item in lock()["packages"].items() if name}
    assert packages
    assert all(item["integrity"].startswith("sha512-") for item in packages.values())
    assert all(item["version"] for item in packages.values())


def test_the_lock_is_that_of_the_package():
    asked = json.loads((JS / "package.json").read_text())
    pinned = lock()["packages"][""]
    assert pinned["dependencies"] == asked["dependencies"]
    # Exact versions: what was tested is what is installed.
    assert all(version[0].isdigit() for version in asked["dependencies"].values())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a checkout whose JavaScript packages are installed, as far as the script can tell."""
    folder = tmp_path / "check out"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/setup-js", folder / "scripts")
    (folder / "tests/js/node_modules").mkdir(parents=True)
    for name in _INPUTS:
        shutil.copy(JS / name, folder / "tests/js")
    return folder


def set_up(checkout: Path, *arguments: str, **tools: str) -> subprocess.CompletedProcess[str]:
    """Run the script where only some programs are found, and nothing can be installed."""
    programs = checkout / "bin"
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    for name in _TOOLS:
        (programs / name).symlink_to(shutil.which(name) or name)
    for name, program in tools.items():
        (programs / name).symlink_to(program)
    return subprocess.run(
        [str(programs / "bash"), str(checkout / "scripts/setup-js"), *arguments],
        env={"PATH": str(programs), "HOME": os.environ.get("HOME", "/")},
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def node() -> str:
    require_node()
    return shutil.which("node") or ""


def stamp(checkout: Path, node: str) -> None:
    """Let the script do its work with an npm that succeeds at everything."""
    assert set_up(checkout, node=node, npm="/bin/true").returncode == 0
    assert (checkout / "tests/js/node_modules/.setup").exists()


def test_without_node_it_says_what_follows(checkout):
    done = set_up(checkout)
    assert (done.returncode, done.stdout) == (0, "")
    assert "no Node 18.17 or later" in done.stderr
    assert "are skipped" in done.stderr


def test_without_npm_it_says_what_follows(checkout, node):
    done = set_up(checkout, node=node)
    assert (done.returncode, "are skipped" in done.stderr) == (0, True)


def test_a_second_time_there_is_nothing_to_do(checkout, node):
    stamp(checkout, node)
    # An npm that fails at everything is not asked.
    done = set_up(checkout, node=node, npm="/bin/false")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [*(f"tests/js/{name}" for name in _INPUTS), "scripts/setup-js"])
def test_changed_inputs_are_noticed(checkout, node, name):
    stamp(checkout, node)
    with (checkout / name).open("a") as file:
        file.write("\n")
    done = set_up(checkout, node=node, npm="/bin/false")
    assert done.returncode != 0
    assert "installing what tests/js/package-lock.json pins" in done.stderr


def test_lost_packages_are_noticed(checkout, node):
    stamp(checkout, node)
    shutil.rmtree(checkout / "tests/js/node_modules")
    assert set_up(checkout, node=node, npm="/bin/false").returncode != 0


def test_without_a_browser_it_says_what_follows(checkout, node):
    stamp(checkout, node)
    done = set_up(checkout, "browser", node=node, npm="/bin/false")
    assert (done.returncode, "no Chromium" in done.stderr) == (0, True)
    done = set_up(checkout, "browser", node=node, npm="/bin/false", chromium="/bin/true")
    assert (done.returncode, done.stderr) == (0, "")


def test_unknown_kind(checkout):
    done = set_up(checkout, "nonsense")
    assert (done.returncode, done.stderr) == (2, "usage: scripts/setup-js [node|browser|lock]\n")
