"""Checks of programs, the home folder, locks and the sandbox, on this machine as it is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from neurocaas_ci.doctor import isolation, programs, storage
from neurocaas_ci.doctor.check import Check, examine, ok
from neurocaas_ci.errors import UsageError
from neurocaas_ci.run.home import Home


def _states(checks):
    return {one.check: one.state for one in examine(checks)}


def _only(checks, name):
    return next(one for one in examine(checks) if one.check == name)


def _git(folder: Path, answer: str) -> None:
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)


def test_all_is_well_here():
    states = _states(programs.checks(None))
    assert states["git"] == states["python"] == states["extras"] == "ok"


@pytest.mark.parametrize(
    ("version", "state"),
    [("2.37.9", "fail"), ("1.99.0", "fail"), ("2.38.0", "ok"), ("3.0", "ok"), ("?", "fail")],
)
def test_an_old_git_is_told(tmp_path, monkeypatch, version, state):
    _git(tmp_path / "bin", f"echo git version {version}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    found = _only(programs.checks(None), "git")
    assert found.state == state
    assert ("install git 2.38" in found.fix) == (state == "fail")


def test_no_git_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    states = _states(programs.checks(None))
    assert (states["git"], states["git-identity"]) == ("fail", "warn")


def test_an_identity_is_asked_for(tmp_path, monkeypatch):
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    found = _only(programs.checks(tmp_path), "git-identity")
    assert found.state == "warn"
    assert found.fix.count("git config --global") == 2
    monkeypatch.setenv("GIT_AUTHOR_NAME", "ada")
    subprocess.run(["git", "-C", tmp_path, "config", "user.email", "a@example.org"], check=True)
    assert _only(programs.checks(tmp_path), "git-identity").state == "ok"


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(programs._EXTRAS, "sign", (("no_such_module_here",), "nothing is signed"))
    found = _only(programs.checks(None), "extras")
    assert (found.state, found.fix) == ("warn", "pip install 'neurocaas-ci[sign]'")


def test_a_home_that_works(tmp_path):
    assert set(_states(storage.checks(Home(tmp_path))).values()) <= {"ok", "warn"}
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    found = _only(storage.checks(Home(tmp_path / "file")), "home")
    assert found.state == "fail"
    assert "NEUROCAAS_HOME" in found.fix
    found = _only(storage.checks(Home(tmp_path, tmp_path / "none")), "home")
    assert "NEUROCAAS_CACHE" in found.fix


@pytest.mark.parametrize(("free", "state"), [(5e8, "fail"), (5e9, "warn"), (5e10, "ok")])
def test_a_full_disk_is_told(tmp_path, monkeypatch, free, state):
    usage = shutil.disk_usage(tmp_path)._replace(free=int(free))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert _only(storage.checks(Home(tmp_path)), "disk").state == state


_HOLDER = """
import sys
from pathlib import Path
from neurocaas_ci.stores.directory import DirectoryState
with DirectoryState(Path(sys.argv[1])).claim("job/run", wait=False):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_claim_whose_holder_is_stopped_is_told(tmp_path):
    store = tmp_path / "store"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(store)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline() == "held\n"
        found = _only(storage.checks(Home(tmp_path)), "locks")
        assert (found.state, found.message) == ("ok", "1 held, none is stuck")
        holder.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED)
        found = _only(storage.checks(Home(tmp_path)), "locks")
        assert found.state == "warn"
        assert "job%2Frun" in found.message
        assert f"kill -CONT {holder.pid}" in found.fix
        holder.send_signal(signal.SIGCONT)
        (lock,) = (store / "locks").iterdir()
        os.utime(lock, (1, 1))
        assert _only(storage.checks(Home(tmp_path)), "locks").state == "warn"
    finally:
        holder.kill()
        holder.communicate()
    assert _only(storage.checks(Home(tmp_path)), "locks").message == "none is held"


@pytest.mark.sandbox
def test_a_program_runs_in_the_sandbox(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    found = _only(isolation.checks(Home(tmp_path)), "sandbox")
    assert found.state in {"ok", "warn"}, found
    assert found.message.startswith("a program runs in it")


@pytest.mark.sandbox
def test_a_program_that_does_not_run_is_told(tmp_path, monkeypatch):
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    monkeypatch.setattr(isolation, "_CODE", b"\x0f\x0b")
    found = _only(isolation.checks(Home(tmp_path)), "sandbox")
    assert found.state == "fail"
    assert "did not run as it should" in found.message


def test_a_missing_bubblewrap_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROCAAS_BWRAP", str(tmp_path / "none"))
    found = _only(isolation.checks(Home(tmp_path)), "sandbox")
    assert found.state == "fail"
    assert "apt-get install bubblewrap" in found.fix
    # Elsewhere somebody may run a sandbox just now, whose user a chroot would need for itself.
    assert os.geteuid() != 0 or "a chroot work" in found.message


def test_forbidden_namespaces_are_told(tmp_path):
    (tmp_path / "user").mkdir()
    (tmp_path / "user/max_user_namespaces").write_text("0\n")
    assert isolation._namespaces(tmp_path)[0] == "fail"
    (tmp_path / "user/max_user_namespaces").write_text("100\n")
    assert isolation._namespaces(tmp_path)[0] == "ok"


def test_namespaces_of_users(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert isolation._namespaces(tmp_path)[0] == "ok"
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel/apparmor_restrict_unprivileged_userns").write_text("1\n")
    assert isolation._namespaces(tmp_path)[0] == "warn"
    (tmp_path / "kernel/unprivileged_userns_clone").write_text("0\n")
    assert isolation._namespaces(tmp_path)[0] == "fail"


def test_a_check_that_breaks_does_not_stop_the_others():
    def broken():
        raise UsageError("it is gone", where="x", hint="bring it back")

    def worse():
        raise ValueError("odd")

    checks = [Check("a", broken), Check("b", worse, unknown="warn"), Check("c", lambda: ok("fine"))]
    a, b, c = examine(checks)
    assert (a.state, a.message, a.fix) == ("fail", "x: it is gone", "bring it back")
    assert (b.state, c.state) == ("warn", "ok")
    assert "odd" in b.message
