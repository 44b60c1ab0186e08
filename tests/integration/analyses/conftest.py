"""What the tests of whole analyses need from outside."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_LOCAL = re.compile(r"^([\w.-]+)==(\S+\+\S+)", re.MULTILINE)


@pytest.fixture(autouse=True)
def _wheels_can_be_had(request):
    """Skip what needs PyTorch's build for CPUs where pip is not told of PyTorch's own index.

    Versions with a `+` are never on the common package index.
    """
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    lock = ROOT / f"iae/{name}/requirements.lock"
    if name and lock.exists():
        for package, version in _LOCAL.findall(lock.read_text()):
            if not _is_offered(package, version):
                pytest.skip(f"no index that pip knows here offers {package}=={version}")


@functools.cache
def _is_offered(package: str, version: str) -> bool:
    command = [sys.executable, "-m", "pip", "index", "versions", package]
    command += ["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux_2_28_x86_64"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    return version in re.findall(r"[\w.+!-]+", done.stdout)
