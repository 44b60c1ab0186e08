"""Runs in a chroot, in a container that has root and no namespaces to give, as a task of Fargate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from . import miniroot

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from containers import container_command, require_container

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(120)]

SCENES = Path(__file__).with_name("chroot_scenes.py")
_NEEDLESS = (
    "asyncio", "concurrent", "curses", "dbm", "distutils", "email", "html", "http", "logging",
    "multiprocessing", "pydoc_data", "sqlite3", "tkinter", "unittest", "urllib", "venv", "wsgiref",
    "xml", "xmlrpc",
)  # fmt: skip
FORBIDDEN = {"Permission denied", "Operation not permitted"}


@pytest.fixture(scope="module")
def stage():
    """A folder that only root can search: a chroot needs no other."""
    require_container()
    memory = Path("/dev/shm")  # noqa: S108 - a copy of the root for each run, quickly
    base = Path(
        tempfile.mkdtemp(prefix="chroot-test-", dir=memory if os.access(memory, os.W_OK) else None)
    )
    try:
        root = base / "root"
        root.mkdir()
        python = miniroot.build(root)
        for name in _NEEDLESS:
            for folder in root.glob(f"usr/lib/python3*/{name}"):
                shutil.rmtree(folder)
        yield base, python
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def container(stage):
    """Play a scene in a container of its own; return what it saw."""

    def container(scene: str, without: str = "", *, user: str = "") -> dict:
        base, python = stage
        done = subprocess.run(
            [
                *container_command(without, user),
                *(sys.executable, str(SCENES), str(base), python, scene),
            ],
            env={**os.environ, "AWS_SECRET_ACCESS_KEY": "worth knowing"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return container


def test_who_and_what_it_is(container):
    found = container("who")
    assert found["ids"] == [[65534] * 3, [65534] * 3, []]
    assert (found["capabilities"], found["bounding"]) == ([0] * 6, [])
    assert (found["no_new_privs"], found["seccomp"]) == (1, 2)
    assert found["environment"] == {"A": "1", "PATH": "/usr/bin:/bin", "PWD": "/tmp"}  # noqa: S108
    assert found["session"] is True
    assert found["folder"] == "/tmp"  # noqa: S108
    assert set(found["root"]) >= {"dev", "etc", "inputs", "outputs", "proc", "sys", "tmp", "usr"}
    assert found["devices"] == ["full", "null", "random", "shm", "urandom", "zero"]
    assert found["proc"] == ["cpuinfo", "meminfo"]
    assert found["descriptors"] == [0, 1, 2]
    assert (found["zeros"], found["random"], found["null"], found["given"]) == (
        [0, 0],
        8,
        1,
        "given",
    )
    assert found["shared"] == "ValueError"  # an empty file: opened, and nothing to map
    assert found["limits"][0] == 0
    run = found["run"]
    assert run["isolation"] == {
        "level": "chroot", "user_namespace": False, "network": False, "seccomp": True, "cgroup": "none",
        "enforced": ["memory", "processes", "file_size", "output_size", "output_files", "log_size",
                     "tmp_size", "time"],
    }  # fmt: skip
    assert (run["left"], run["folder"]) == ([], ["inputs", "log", "outputs"])


def test_no_network(container):
    found = container("network")
    assert (found.pop("pair"), found.pop("unix")) == (2, None)
    assert found.pop("run")["left"] == []
    assert {found.pop("io_uring"), found.pop("pidfd_getfd")} == {"Operation not permitted"}
    assert set(found.values()) == {"Address family not supported by protocol"}, found


def test_nothing_of_the_worker_can_be_seen_or_touched(container):
    found = container("worker")
    assert found["secret"] == "worth knowing"
    for supervisor in (True, False):
        assert found[f"environ {supervisor}"] == "No such file or directory"
        for act in ("signal", "read", "trace"):
            assert found[f"{act} {supervisor}"] == "Operation not permitted", act
    assert {found["mount"], found["namespace"]} == {"Operation not permitted"}
    assert {found["segment"], found["queue"]} == {"Function not implemented"}
    # Signals reach nobody but the run itself, which a signal to all leaves out.
    assert found["all"] in {"No such process", None}


def test_no_way_out_and_no_way_to_change_the_image(container):
    found = container("escape")
    assert found["up"] is True
    assert found["marker"] == "No such file or directory"
    for name in ("chroot", "user", "device", "handle", "mode", "rename", "replace"):
        assert found[name] in FORBIDDEN, name
    for path in ("/x", "/usr/x", "/etc/passwd", "/iae/x", "/dev/x", "/proc/x", "/inputs/x"):
        assert found[path] in FORBIDDEN, path
    assert found["/inputs/a.txt"] in FORBIDDEN
    assert found["untouched"] is True
    assert found["kept"] == 0
    reason, message = found["problem"]
    assert reason == "bad_output"
    assert "link (a symbolic link)" in message


def test_whatever_an_image_has_nobody_can_change_it(container):
    found = container("strange_image")
    assert (found["unchanged"], found["gone"]) == (True, True)
    # A link of the image was not followed by root.
    assert found["victim"] == [0, []]
    copied, taken = found["seen"]
    assert copied == taken
    assert copied[0] > 100
    kept = [f"/iae/odd-{name}" for name in ("folder", "link", "nobody", "open", "setuid")]
    assert copied[1:] == [[], kept, False, []]


def test_nothing_goes_on_after_the_end(container):
    found = container("background")
    assert found["done"]["reason"] == "exited"
    assert found["stopped"]["reason"] == "time_limit"
    assert (found["killed"]["reason"], found["killed"]["code"]) == ("killed", 137)
    for name in ("done", "stopped", "killed"):
        assert "up" in found[name]["lines"]
        assert found[name]["left"] == []
    assert found["grew"] == 0
    assert found["next"]["lines"] == ["next"]


def test_limits_hold(container):
    found = container("limits")
    # All processes of the user count, those of other containers of this machine too.
    assert 0 < int(found["forks"]["lines"][0]) < 200
    for name, limit in (("tmp", "tmp_size"), ("shm", "tmp_size"), ("outputs", "output_size")):
        assert found[name]["reason"] == "output_limit", found[name]
        assert f"({limit})" in found[name]["message"]
    assert "/tmp held more than" in found["tmp"]["message"]  # noqa: S108
    assert found["file"]["reason"] == "output_limit"
    assert "limit of 5,242,880 bytes for one file" in found["file"]["message"]
    assert "limits.memory" in found["memory"]["message"]
    assert found["busy"]["cpu_s"] >= 0.3
    assert 40 << 20 < found["busy"]["memory"] < 80 << 20
    assert found["cancelled"]["reason"] == "cancelled"
    assert found["missing"]["exit_code"] == 127
    assert "the environment has no such program" in found["missing"]["message"]


def test_a_worker_that_is_killed_leaves_nothing(container):
    found = container("worker_dies")
    assert [report["left"] for report in found["reports"]] == [[]] * 4
    assert found["reports"][-1]["remains"] == 1
    assert found["swept"] == 1  # the sweeper's own
    assert found["mounts"] is True
    assert found["next"]["lines"] == ["next"]


def test_whoever_watches_is_killed(container):
    found = container("supervisor_dies")
    assert (found["done"]["reason"], found["done"]["code"]) == ("killed", None)
    assert found["done"]["left"] == []
    assert found["next"]["lines"] == ["next"]


def test_a_container_has_one_run_at_a_time(container):
    found = container("company")
    assert "BackendUnavailableError" in found["second"]
    assert "another run is going on" in found["second"]
    assert "has the user of runs, 65534, and is no run" in found["stranger"]
    assert found["probe"].startswith("SandboxUnavailableError")
    assert "a container of its own" in found["probe"]
    assert found["lives"] is True
    assert found["next"]["lines"] == ["next"]


@pytest.mark.parametrize(
    ("without", "words"),
    [("sys_chroot", "could not enter its root"), ("setuid", "could not drop its rights")],
)
def test_where_it_is_impossible_it_is_refused(container, without, words):
    refused = container("probe", without)["probe"]
    assert refused.startswith("SandboxUnavailableError: a run cannot be confined by chroot here")
    assert words in refused
    assert "SYS_CHROOT, SETUID, SETGID and KILL" in refused


def test_users_are_told_to_use_the_sandbox(stage, container):
    base, _ = stage
    base.chmod(0o755)
    try:
        refused = container("probe", user="64001")["probe"]
    finally:
        base.chmod(0o700)
    assert "only root can confine a run by chroot" in refused
    assert "--isolation sandbox" in refused
