"""What the tests of whole analyses need from outside."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
MAIN = "import sys; from neurocaas_ci.cli.main import main; sys.argv[0] = 'neurocaas'; main()"
_LOCAL = re.compile(r"^([\w.-]+)==(\S+\+\S+)", re.MULTILINE)


def pytest_collection_modifyitems(items):
    """Mark what builds PyTorch's images, or trains with them, as long."""
    for item in items:
        name = getattr(item, "callspec", None) and item.callspec.params.get("name")
        if item.path.parent == HERE and name and _local_versions(name):
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="module")
def neurocaas(image_cache):
    """The command line with a home of its own, which every user can reach."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not available here")
    home = Path(tempfile.mkdtemp(prefix="neurocaas-analyses-"))
    home.chmod(0o755)
    env = {**os.environ, "NEUROCAAS_HOME": str(home), "NO_COLOR": "1"}
    env["NEUROCAAS_CACHE"] = image_cache

    def run(*arguments, check=True, before=()):
        return subprocess.run(
            [*before, sys.executable, "-c", MAIN, *map(str, arguments)],
            cwd=ROOT, env=env, check=check, capture_output=True, text=True, timeout=500,
        )  # fmt: skip

    yield run
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def _wheels_can_be_had(request):
    """Skip what needs PyTorch's build for CPUs where pip is not told of PyTorch's own index.

    Versions with a `+` are never on the common package index.
    """
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    for package, version in _local_versions(name) if name else []:
        if not _is_offered(package, version):
            pytest.skip(f"no index that pip knows here offers {package}=={version}")


def _local_versions(name):
    """Return what the environment of that name, or those of the blueprint of that name, take from other indexes."""
    blueprint = ROOT / f"registry/blueprints/{name}.yaml"
    names = {name}
    if blueprint.exists():
        names |= {step["iae"] for step in yaml.safe_load(blueprint.read_text())["steps"]}
    locks = [ROOT / f"iae/{one}/requirements.lock" for one in sorted(names)]
    return [found for lock in locks if lock.exists() for found in _LOCAL.findall(lock.read_text())]


@functools.cache
def _is_offered(package: str, version: str) -> bool:
    command = [sys.executable, "-m", "pip", "index", "versions", package]
    command += ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return version in re.findall(r"[\w.+!-]+", done.stdout)
