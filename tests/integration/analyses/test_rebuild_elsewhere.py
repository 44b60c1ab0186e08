"""A second machine's worth of evidence: every environment, rebuilt by somebody else from nothing.

Environments share layers; of those the builder makes each once, from nothing as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.network, pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[3]
IAES = sorted(path.parent.name for path in ROOT.glob("iae/*/iae.lock"))
# Few and light ones; that the others can be made from nothing is seen where their images are tested.
_SHORT = {"bench-stdlib", "dlc-tracking", "kalman-smoother"}
_MAIN = "from neurocaas_ci.cli.main import main; main()"
_NOBODY = 65534


def _elsewhere(folder: Path) -> dict[str, str]:
    """Return the environment of a builder who has nothing in common with whoever locked."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(("NEUROCAAS_", "GIT_", "LC_"))},
        "HOME": str(folder),
        "NEUROCAAS_HOME": str(folder / "home"),
        "TZ": "Pacific/Kiritimati",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "C",
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *(p for p in sys.path if "site-packages" in p)]),
        # git refuses the folder of another owner unless it is told.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }


def _builder(env: dict[str, str]) -> tuple[str, dict]:
    """Return an interpreter and the user to build as: another one where that is possible."""
    if os.geteuid() == 0:
        other = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        for python in (sys.executable, "/usr/bin/python3"):
            try:
                check = [python, "-c", "import neurocaas_ci.cli.commands, yaml, jsonschema"]
                done = subprocess.run(check, env=env, check=False, capture_output=True, **other)
            except OSError:
                continue
            if done.returncode == 0:
                return python, other
    return sys.executable, {}


@pytest.fixture(scope="module")
def elsewhere():
    """A clean folder that anybody may enter, with the sources of a fresh clone."""
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-elsewhere-"))
    folder.chmod(0o777)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "clone")], check=True)
    for path in (folder / "clone").rglob("*"):
        if ".git" not in path.parts and path.is_file() and not path.is_symlink():
            # Nothing but the contents may count.
            os.utime(path, (1, 1))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in _SHORT else pytest.mark.long) for n in IAES],
)
def test_somebody_else_gets_the_committed_image(elsewhere, name):
    env = _elsewhere(elsewhere)
    python, user = _builder(env)
    if os.geteuid() == 0 and Path("/usr/bin/python3").exists():
        assert user, "root can build as another user here"
    # Exit code 11 when the image is not the one that iae.lock pins.
    done = subprocess.run(
        [python, "-c", f"import sys; sys.argv[1:] = ['build', {name!r}]; {_MAIN}"],
        cwd=elsewhere / "clone", env=env, umask=0o077, check=False, capture_output=True, text=True,
        timeout=500, **user,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lock = (ROOT / f"iae/{name}/iae.lock").read_text()
    image = done.stdout.split()[0].removeprefix("sha256:")
    assert image in lock
    owner = (elsewhere / "home").stat().st_uid
    assert owner == user.get("user", os.geteuid())
