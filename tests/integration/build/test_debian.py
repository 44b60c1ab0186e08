"""The default base, from the Debian mirrors and the Python index that this machine is set up for."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Bench

from neurocaas_ci.build.images import Images
from neurocaas_ci.registry.folder import FolderTree

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="locking needs apt"),
]
ROOT = Path(__file__).parents[3]
OTHER_PYTHONS = ("python3.12", "python3.13", "python3.14")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """One home whose downloads all tests of this module share."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture
def debian(tmp_path, downloads):
    made = Bench(tmp_path / "registry", tmp_path / "home")
    shutil.copytree(ROOT / "iae" / "bench-stdlib", made.registry / "iae" / "bench-stdlib")
    (downloads / "debs").mkdir(exist_ok=True)
    made.cache.mkdir(parents=True)
    (made.cache / "debs").symlink_to(downloads / "debs")
    return made


def relocked(bench):
    """Lock anew: mirrors drop old versions, and then the committed lock cannot be built here."""
    bench.ok("iae", "lock", "bench-stdlib", "--upgrade")
    return bench


def test_the_committed_lock_is_reproduced(debian):
    done = debian.run("build", "bench-stdlib", "--check")
    if "no longer on any mirror" in done.stderr:
        pytest.skip("the mirrors of this machine have dropped a locked package version")
    assert done.returncode == 0, done.stderr
    assert "identical to iae.lock" in done.stderr


def test_lock_run_and_keep(debian, tmp_path):
    image = relocked(debian).ok("build", "bench-stdlib", "--check")
    lock = (debian.registry / "iae/bench-stdlib/base.lock").read_text()
    assert "://" not in lock
    assert debian.ok("iae", "lock", "bench-stdlib") == image
    made = Images(debian.cache).ensure(FolderTree(debian.registry), "bench-stdlib")
    (tmp_path / "out").mkdir()
    sample = debian.registry / "iae/bench-stdlib/sample"
    line = ["bwrap", "--unshare-all", "--clearenv"]
    for item in made.environment.items():
        line += ["--setenv", *item]
    line += ["--ro-bind", str(made.root), "/", "--ro-bind", str(sample), "/inputs",
             "--bind", str(tmp_path / "out"), "/outputs", "--proc", "/proc", *made.command]  # fmt: skip
    subprocess.run(line, check=True, timeout=60)
    summary = json.loads((tmp_path / "out/summary.json").read_bytes())
    assert summary["bytes"] == 65536


def test_the_root_is_usr_merged_and_complete(debian):
    relocked(debian)
    root = Images(debian.cache).ensure(FolderTree(debian.registry), "bench-stdlib").root
    for name in ("bin", "sbin", "lib", "lib64"):
        assert os.readlink(root / name) == f"usr/{name}"
    assert (root / "usr/lib64/ld-linux-x86-64.so.2").is_symlink()
    for name in ("proc", "sys", "dev", "tmp", "inputs", "outputs", "iae"):
        assert (root / name).is_dir()
    assert not (root / "usr/share/doc").exists()
    modules = (
        "import ssl, sqlite3, ctypes, lzma, bz2, readline, curses, uuid, hashlib; print('all')"
    )
    done = subprocess.run(
        ["bwrap", "--unshare-all", "--ro-bind", str(root), "/", "/usr/bin/python3.11", "-c", modules],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "all\n", done.stderr


@pytest.mark.parametrize("python", OTHER_PYTHONS)
def test_another_builder_python_gives_the_same_image(debian, tmp_path, python):
    found = shutil.which(python)
    if (
        found is None
        or subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode
    ):
        pytest.skip(f"{python} is not installed")
    image = relocked(debian).ok("build", "bench-stdlib")
    subprocess.run([found, "-m", "venv", str(tmp_path / "venv")], check=True)
    interpreter = str(tmp_path / "venv/bin/python")
    install = [interpreter, "-m", "pip", "install", "-q", "click", "jsonschema", "PyYAML"]
    subprocess.run(install, check=True, timeout=100)
    other = Bench(debian.registry, tmp_path / "other", interpreter, {"PYTHONPATH": str(ROOT)})
    other.cache.mkdir(parents=True)
    (other.cache / "debs").symlink_to((debian.cache / "debs").resolve())
    assert other.ok("build", "bench-stdlib", "--check") == image


def test_a_change_of_packages_locks_again(debian):
    relocked(debian)
    iae = debian.registry / "iae/bench-stdlib/iae.yaml"
    lock = debian.registry / "iae/bench-stdlib/base.lock"
    assert "\nlibgomp1 " not in lock.read_text()
    iae.write_text(iae.read_text().replace("[python3.11]", "[python3.11, libgomp1]"))
    debian.ok("iae", "lock", "bench-stdlib")
    assert "\nlibgomp1 " in lock.read_text()


def test_an_unknown_package(debian):
    iae = debian.registry / "iae/bench-stdlib/iae.yaml"
    iae.write_text(iae.read_text().replace("[python3.11]", "[python3.11, no-such-package-x]"))
    before = (debian.registry / "iae/bench-stdlib/base.lock").read_bytes()
    done = debian.run("iae", "lock", "bench-stdlib")
    assert done.returncode == 11
    assert "no-such-package-x" in done.stderr
    assert (debian.registry / "iae/bench-stdlib/base.lock").read_bytes() == before


def test_a_base_without_its_python(debian):
    iae = debian.registry / "iae/bench-stdlib/iae.yaml"
    iae.write_text(iae.read_text().replace("[python3.11]", "[libgomp1]"))
    done = debian.run("iae", "lock", "bench-stdlib")
    assert done.returncode == 11
    assert "the base has no /usr/bin/python3.11" in done.stderr
