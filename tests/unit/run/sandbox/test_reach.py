from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from neurocaas_ci.run.reach import make_reachable

_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root's runs have another user")


def _in_new_process(home: Path, then: str = "") -> subprocess.CompletedProcess[str]:
    """A mount namespace belongs to a process, so every case gets its own one."""
    code = (
        "import sys; from pathlib import Path; from neurocaas_ci.run.reach import make_reachable\n"
        f"home = Path(sys.argv[1])\n{then or 'print(make_reachable(home))'}"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(home)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="for ordinary users")
def test_ordinary_users_stay_where_they_are(tmp_path):
    assert make_reachable(tmp_path) == tmp_path


@pytest.fixture
def base():
    with tempfile.TemporaryDirectory(prefix="reach-test-") as name:
        yield Path(name)


@_ROOT
def test_a_reachable_home_stays(base):
    base.chmod(0o755)
    done = _in_new_process(base / "home")
    assert done.stdout.strip() == str(base / "home"), done.stderr


@_ROOT
def test_a_home_below_a_private_folder_appears_elsewhere(base):
    home = base / "home"
    home.mkdir(mode=0o755)
    (home / "given").write_text("x")
    then = """
import os, subprocess
where = make_reachable(home)
assert where != home
(where / 'made').write_text('y')
print(where)
nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'cat']
print(subprocess.run([*nobody, where / 'given'], capture_output=True, text=True).stdout)
print(subprocess.run([*nobody, home / 'given'], capture_output=True, text=True).stdout)
"""
    done = _in_new_process(home, then)
    if "may not mount" in done.stderr:
        pytest.skip("this root may not make mounts")
    where, through, direct = done.stdout.split("\n")[:3]
    assert (through, direct) == ("x", ""), done.stderr
    # The one file is there, and no mount is left in the namespace of this process.
    assert (home / "made").read_text() == "y"
    assert not Path(where, "given").exists()
    assert where not in Path("/proc/self/mounts").read_text()


@_ROOT
def test_a_private_home_itself_is_an_error_with_the_fix(base):
    base.chmod(0o755)
    (base / "home").mkdir(mode=0o700)
    done = _in_new_process(base / "home")
    assert "chmod o+x" in done.stderr


@_ROOT
def test_threads_are_refused(base):
    then = """
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
make_reachable(home)
"""
    (base / "home").mkdir(mode=0o755)
    assert "before threads are started" in _in_new_process(base / "home", then).stderr
