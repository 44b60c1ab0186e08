"""`neurocaas doctor` as a person meets it."""

from __future__ import annotations

import json
import subprocess

import pytest

_OFFLINE = {"GITHUB_REPOSITORY": "", "GITHUB_TOKEN": "", "GH_TOKEN": "", "NEUROCAAS_DEB_MIRRORS": "file:///"}  # fmt: skip


def _registry(shell):
    folder = shell.folder / "registry"
    (folder / "registry/users").mkdir(parents=True)
    (folder / "registry/policy.yaml").write_text(
        "schema: neurocaas/policy/v1\nmaintainers: [ada]\n"
    )
    (folder / "registry/users/ada.yaml").write_text(
        "schema: neurocaas/user/v1\nlogin: ada\nforge_id: 1\nname: A\n"
    )
    for line in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *line], cwd=folder, env=shell.env, check=True)
    return folder


@pytest.mark.sandbox
def test_a_machine_that_works(shell):
    for folder in (shell.folder, *shell.folder.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    done = shell.run("doctor", cwd=_registry(shell), **_OFFLINE)
    lines = done.stdout.splitlines()
    names = [line.split()[1] for line in lines if not line.startswith(" ")]
    assert names == [
        "git", "git-identity", "python", "extras", "home", "disk", "locks", "user-namespaces",
        "sandbox", "debian-mirrors", "package-index", "registry", "clock", "trust-root",
    ]  # fmt: skip
    assert {line.split()[0] for line in lines} <= {"ok", "warn", "fix:"}


def test_what_fails_gives_exit_code_10(shell):
    done = shell.run("doctor", "--format", "json", code=10, **_OFFLINE, NEUROCAAS_BWRAP="/none")
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["sandbox"]["state"] == "fail"
    assert found["registry"]["fix"].endswith("name it with --repo")
    assert "checks fail" in done.stderr


def test_a_home_that_cannot_be_made(shell):
    (shell.folder / "home").write_text("in the way")
    done = shell.run("doctor", code=10, cwd=_registry(shell), **_OFFLINE)
    assert "fail  home" in done.stdout
    assert "NEUROCAAS_HOME names another folder" in done.stdout


def test_github_without_a_token(shell):
    folder = _registry(shell)
    line = ["git", "remote", "add", "origin", "https://github.com/lab/platform.git"]
    subprocess.run(line, cwd=folder, env=shell.env, check=True)
    done = shell.run("doctor", code=10, cwd=folder, **_OFFLINE)
    assert "fail  github-token" in done.stdout
    assert "GITHUB_TOKEN" in done.stdout
