"""What `scripts/setup` would make of a checkout, from what the tests themselves were set up with.

A workflow sets the tool up with `scripts/setup`, which takes a minute and a package index. So the
checkout stand-in puts a `.venv` into each checkout whose locks are those of this working copy: the
interpreter and the installed packages of the test run, the package's own code from the checkout,
and the stamp by which `scripts/setup` knows that there is nothing to do.

Not tested by this: that the locks can be installed on a fresh runner, that they suffice (a test run
has the development packages as well), and the cold path of `scripts/setup`. A checkout with other
locks gets nothing, so that its set-up really begins, and fails for want of an index.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

_STAMPED = (
    "requirements.lock", "requirements-dev.lock", "requirements-sandbox.lock", "pyproject.toml",
    "scripts/setup",
)  # fmt: skip


def ready(project: Path) -> str:
    """Describe the set-up of this test run, as JSON for the checkout stand-in."""
    content = b"".join((project / name).read_bytes() for name in _STAMPED)
    beside = Path(sys.executable).with_name("bwrap")
    tool = shutil.which("bwrap") or (str(beside.resolve()) if beside.exists() else "")
    return json.dumps(
        {
            "sum": hashlib.sha256(content).hexdigest(),
            "python": os.path.realpath(sys.executable),
            "version": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "site": os.path.realpath(sysconfig.get_path("purelib")),
            "bwrap": tool,
        }
    )


def project_files(project: Path) -> dict[str, tuple[str, bytes]]:
    """Return mode and content of what a registry needs of the project so that its tool runs.

    They are those of the working copy, committed or not: the code under test is what runs.
    """
    wanted = ("neurocaas_ci", *_STAMPED)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=project, check=True, capture_output=True,
    )  # fmt: skip
    files = {}
    for name in os.fsdecode(listed.stdout).split("\0")[:-1]:
        path = project / name
        if path.is_file():
            mode = "100755" if os.access(path, os.X_OK) else "100644"
            files[name] = (mode, path.read_bytes())
    return files
