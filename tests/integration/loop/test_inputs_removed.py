"""Inputs go after success where the manifest asks for it, and only when nobody else needs them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import neurocaas_ci.cli.certify as certifying
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run import removal
from neurocaas_ci.run.home import Home

pytestmark = pytest.mark.sandbox


def content(platform, entry):
    return platform.home / f"store/blobs/sha256/{entry['sha256'][:2]}/{entry['sha256']}"


def noted(platform, job):
    data = (platform.home / f"store/state/jobs/{job}/inputs-removed.json").read_text()
    return {row["uri"]: row["state"] for row in json.loads(data)["inputs"]}


def test_inputs_go_when_the_certificate_is_on_main_and_a_replay_says_so(platform):
    data = platform.put("one\n", "two\n")
    job = platform.job("short", data, keep_inputs=False)
    done = platform.reconcile("--no-certify")
    assert all(content(platform, entry).exists() for entry in data)
    done = platform.reconcile()
    assert f"{job}: 2 inputs deleted, as its manifest asks" in done.stderr
    assert not any(content(platform, entry).exists() for entry in data)
    assert set(noted(platform, job).values()) == {"removed"}
    assert platform.run("data", "ls").stdout == ""
    # The result is still there, and so is the proof.
    platform.audit("verify", job)
    said = platform.audit("replay", job, code=15)
    for words in ("keep_inputs: false", "which was done here on", "neurocaas data put FILE"):
        assert words in said.stdout + said.stderr
    # Who has the files puts them back, and they are not deleted once more.
    platform.put("one\n", "two\n")
    assert "deleted" not in platform.reconcile().stderr
    assert (
        json.loads(platform.audit("replay", job, "--format", "json").stdout)["verdict"]
        == "identical"
    )
    assert all(content(platform, entry).exists() for entry in data)


def test_what_another_job_needs_stays_until_it_has_ended(platform):
    shared, own = platform.put("shared\n", "own\n")
    first = platform.job("first", [shared, own], keep_inputs=False)
    second = platform.job("second", [shared], keep_inputs=False, parameters={"mode": "random"})
    done = platform.reconcile(first)
    assert f"{first}: {shared['uri']} is kept: {second} has not ended" in done.stderr
    assert content(platform, shared).exists()
    assert not content(platform, own).exists()
    platform.reconcile()
    assert not content(platform, shared).exists()
    assert set(noted(platform, first).values()) == {"removed"}
    # Nothing is left to do.
    assert platform.reconcile().stderr.strip() == "nothing to do: every merged job has a result"


def test_a_job_that_keeps_another_name_and_a_failure_keep_a_content(platform):
    a, b, c = platform.put("kept\n", "named\n", "fail here\n")
    platform.job("keeper", [a])
    job = platform.job("leaver", [a, b], keep_inputs=False)
    failing = platform.job("failing", [c], keep_inputs=False, parameters={"mode": "odd"})
    extra = platform.home.parent / "again.txt"
    extra.write_text("named\n")
    platform.run("data", "put", str(extra), "--name", "mine.txt")
    done = platform.reconcile(code=12)
    assert f"{a['uri']} is kept: ada/2026-11/keeper keeps its inputs" in done.stderr
    assert f"{b['uri']} is kept: store:mine.txt is the same" in done.stderr
    assert all(content(platform, entry).exists() for entry in (a, b, c))
    assert set(noted(platform, job).values()) == {"kept"}
    assert not (platform.home / f"store/state/jobs/{failing}/inputs-removed.json").exists()


def certify_without_a_pass(platform, monkeypatch):
    """Bring certificates onto main as a process that is killed right afterwards."""
    with monkeypatch.context() as patch:
        for name, value in platform.env.items():
            patch.setenv(name, value)
        patch.chdir(platform.repo)
        patch.setattr(certifying, "remove_asked", lambda *_: None)
        done = CliRunner().invoke(certifying.command, ["--no-fetch"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("moment", ["note", "erase", "forget", "last note"])
def test_a_pass_that_dies_anywhere_is_finished_by_the_next(platform, monkeypatch, moment):
    data = platform.put("x\n", "y\n")
    job = platform.job("cut", data, keep_inputs=False)
    platform.reconcile("--no-certify")
    certify_without_a_pass(platform, monkeypatch)
    home = Home(platform.home)

    class Crash(BaseException):
        pass

    calls = {"count": 0}

    def dying(real, at):
        def call(*arguments):
            calls["count"] += 1
            if calls["count"] == at:
                raise Crash
            return real(*arguments)

        return call

    if moment == "erase":
        home.blobs.erase = dying(home.blobs.erase, 2)
    elif moment == "forget":
        monkeypatch.setattr(removal, "forget", dying(removal.forget, 2))
    else:
        at = 1 if moment == "note" else 2
        monkeypatch.setattr(removal, "_note", dying(removal._note, at))
    with GitTree(platform.repo, "refs/heads/main") as head:
        with pytest.raises(Crash):
            removal.remove_inputs(home, head)
        monkeypatch.undo()
        (done,) = removal.remove_inputs(Home(platform.home), head)
    assert (done.job, done.kept) == (job, ())
    assert not any(content(platform, entry).exists() for entry in data)
    assert set(noted(platform, job).values()) == {"removed"}
