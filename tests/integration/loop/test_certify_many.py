"""Several ended jobs are certified in one pass: one commit of main is named, and one is added."""

from __future__ import annotations

import base64
import json

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
