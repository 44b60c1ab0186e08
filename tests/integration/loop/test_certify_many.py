"""Several ended jobs are certified in one pass: one commit of main is named, and one is added."""

from __future__ import annotations

import base64
import json
import time

import pytest

pytestmark = pytest.mark.sandbox


def named(platform, job: str) -> str:
    """Return the commit of the registry that a certificate names."""
    bundle = json.loads(platform.git("show", f"main:certificates/{job}.sigstore.json"))
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    found = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    return next(d["digest"]["gitCommit"] for d in found if d["name"] == "main")


@pytest.fixture
def ended(platform):
    """Three jobs that have results and no certificate."""
    entries = platform.put("a\n", "b\n", "c\n")
    jobs = [platform.job(f"one-{n}", [entry]) for n, entry in enumerate(entries)]
    platform.reconcile("--no-certify")
    return jobs


def test_they_name_one_commit_and_come_in_one(platform, ended):
    read = platform.git("rev-parse", "main")
    platform.run("certify", "--no-fetch")
    assert platform.git("rev-list", f"{read}..main").count("\n") == 0
    assert platform.git("log", "-1", "--format=%s", "main") == "Certify 3 jobs"
    assert {named(platform, job) for job in ended} == {read}
    for job in ended:
        platform.audit("verify", job)
    assert "nothing to do" in platform.run("certify", "--no-fetch").stderr


def test_one_that_cannot_be_published_keeps_no_other_back(platform, ended):
    platform.write(f"certificates/{ended[1]}.sigstore.json", "{}")
    platform.commit("Something else in its place")
    platform.run("certify", "--no-fetch", code=None)
    for job in (ended[0], ended[2]):
        platform.audit("verify", job)
    assert platform.git("show", f"main:certificates/{ended[1]}.sigstore.json") == "{}"


def test_a_commit_is_named_although_main_has_moved(platform, ended):
    """As on GitHub, where others merge while a workflow runs that an earlier commit started."""
    started = platform.git("rev-parse", "main")
    later = platform.job("later", platform.put("d\n"))
    platform.reconcile("--no-certify")
    platform.run("certify", "--no-fetch", "--commit", started)
    assert {named(platform, job) for job in ended} == {started}
    for job in ended:
        platform.audit("verify", job)
    assert platform.git("ls-tree", "main", f"certificates/{later}.sigstore.json") == ""
    platform.run("certify", "--no-fetch")
    platform.audit("verify", later)


@pytest.mark.parametrize("commit", ["1" * 40, "nothing", "side"])
def test_a_commit_that_main_does_not_contain_is_refused(platform, ended, commit):
    platform.git("branch", "side")
    platform.git("switch", "-q", "side")
    platform.commit("Elsewhere")
    platform.git("switch", "-q", "main")
    done = platform.run("certify", "--no-fetch", "--commit", commit, code=2)
    assert "hint" in done.stderr
    assert platform.git("ls-tree", "main", "certificates") == ""
    assert ended


@pytest.fixture
def with_origin(platform):
    """Jobs that are merged in an origin, which has to be pushed to."""
    entries = platform.put("a\n", "b\n", "c\n", "d\n", "e\n")
    jobs = [platform.job(f"one-{n}", [entry]) for n, entry in enumerate(entries)]
    origin = platform.repo.parent / "origin.git"
    platform.git("clone", "-q", "--bare", ".", str(origin))
    platform.git("remote", "add", "origin", str(origin))
    return platform, jobs


def on_origin(platform, start):
    platform.git("fetch", "-q", "origin")
    titles = platform.git("log", "--format=%s", f"{start}..origin/main").splitlines()
    names = platform.git("ls-tree", "-r", "--name-only", "origin/main", "certificates").splitlines()
    return titles, names


@pytest.mark.slow
def test_jobs_that_end_soon_after_each_other_are_pushed_together(with_origin):
    platform, jobs = with_origin
    start = platform.git("rev-parse", "main")
    platform.run("reconcile")
    titles, names = on_origin(platform, start)
    assert names == [f"certificates/{job}.sigstore.json" for job in jobs]
    assert len(titles) < len(jobs), titles
    assert titles[-1] == f"Certify {jobs[0]}"


@pytest.mark.slow
def test_what_a_killed_pass_had_signed_is_pushed_by_the_next_one(with_origin):
    platform, jobs = with_origin
    start = platform.git("rev-parse", "main")
    working = platform.start("reconcile")
    kept = [platform.state(job, "certificate.sigstore.json") for job in jobs]
    try:
        deadline = time.monotonic() + 60
        # Signed, and within the pause after the first push.
        while not kept[1].exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        working.kill()
        working.wait()
        working.stderr.close()
    signed = {path: path.read_bytes() for path in kept if path.exists()}
    platform.run("reconcile")
    _, names = on_origin(platform, start)
    assert names == [f"certificates/{job}.sigstore.json" for job in jobs]
    for path, content in signed.items():
        assert path.read_bytes() == content, "signed twice"
    for job in jobs:
        platform.audit("verify", job)
