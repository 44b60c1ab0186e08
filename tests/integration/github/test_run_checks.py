"""`neurocaas run --checks`: every job has a check on GitHub, and GitHub never stands in the way."""

from __future__ import annotations

import importlib.util
import socket
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(240)]

_spec = importlib.util.spec_from_file_location(
    "loop_platform", Path(__file__).resolve().parents[1] / "loop/conftest.py"
)
assert _spec is not None
_loop = importlib.util.module_from_spec(_spec)
sys.modules.setdefault("loop_platform", _loop)
_spec.loader.exec_module(_loop)
_template, platform = _loop._template, _loop.platform

RUN = ("run", "--checks", "--no-certify")


@pytest.fixture
def world(hub, platform):
    """The platform's registry with GitHub as its origin, and the token of a workflow."""
    repository = hub.create_repository("acme/registry")
    platform.git("remote", "add", "origin", repository.clone_url)
    platform.env.update(
        NO_PROXY="127.0.0.1", GITHUB_REPOSITORY="acme/registry", GITHUB_API_URL=hub.base,
        GITHUB_SERVER_URL=hub.base, GITHUB_ACTIONS="true", GITHUB_RUN_ID="77",
        NEUROCAAS_GITHUB_PAUSE="0", GITHUB_TOKEN=token(hub, checks="write", contents="read"),
    )  # fmt: skip
    return hub, repository, platform


def token(hub, **permissions):
    return hub.token("x", kind="GITHUB_TOKEN", permissions=permissions).value


def published(repository, platform):
    """Bring main to GitHub; return a function that gives the check of a job."""
    platform.git("push", "-q", str(repository.path), "main")
    repository.known = repository.git.refs()

    def check(job):
        found = [one for one in repository.checks.values() if one.facts["external_id"] == job]
        assert len(found) <= 1
        return found[0] if found else None

    return check


def test_a_job_is_followed_to_its_success_another_to_its_failure(world):
    hub, repository, platform = world
    good = platform.job("good", platform.put("a\n", "b\n"), max_runtime="1m",
                        parameters={"seconds": 20})  # fmt: skip
    brought = platform.git("rev-parse", "HEAD")
    bad = platform.job("bad", platform.put("c\n"), parameters={"mode": "exit3"}, max_runtime="1m")
    check = published(repository, platform)
    process, seen = platform.start(*RUN), []
    try:
        while process.poll() is None:
            with hub.lock:
                shown = check(good)
                told = (shown.facts["status"], shown.output["summary"]) if shown else None
            if told and told not in seen:
                seen.append(told)
            time.sleep(0.05)
        _, talk = process.communicate()
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 12, talk
    assert seen[0][0] == "queued"
    assert any(status == "in_progress" and "50%" in summary for status, summary in seen)
    ended = check(good)
    assert (ended.facts["conclusion"], ended.head_sha) == ("success", brought)
    assert ended.output["title"].startswith("succeeded, 2 of 2 runs, ")
    for part in ("`001-work` | succeeded | 100%", "`002-work` | succeeded | 100%",
                 f"({hub.base}/acme/registry/actions/runs/77)"):  # fmt: skip
        assert part in ended.output["summary"]
    failed = check(bad)
    assert failed.facts["conclusion"] == "failure"
    assert "something is wrong with this recording" in failed.output["summary"]
    writes = [call for call in hub.calls if call.operation in {"checks/create", "checks/update"}]
    assert len(writes) <= 12
    assert hub.violations == []
    assert platform.env["GITHUB_TOKEN"] not in talk


def test_a_token_that_may_not_write_checks_stops_nothing(world):
    hub, repository, platform = world
    job = platform.job("one", platform.put("a\n"), max_runtime="1m")
    published(repository, platform)
    platform.env["GITHUB_TOKEN"] = token(hub, contents="read")
    talk = platform.run(*RUN).stderr
    assert platform.job_record(job)["status"] == "succeeded"
    assert talk.count("the checks on GitHub are not up to date") == 1
    assert repository.checks == {}


@pytest.fixture
def nowhere():
    """The address of a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.long
@pytest.mark.parametrize("who", ["token", "app"])
def test_no_github_stops_nothing(world, nowhere, who):
    hub, _, platform = world
    platform.env["GITHUB_API_URL"] = nowhere
    note = "the checks on GitHub are not up to date"
    app = hub.app("neurocaas", {"checks": "write"})
    if who == "app":
        platform.env.update(NEUROCAAS_APP_ID=str(app.id), NEUROCAAS_APP_KEY=app.private_key)
        note = "there will be no checks on GitHub"
    job = platform.job("one", platform.put("a\n"), max_runtime="1m")
    talk = platform.run(*RUN, "--no-fetch", timeout=200).stderr
    assert platform.job_record(job)["status"] == "succeeded"
    assert talk.count(note) == 1
    assert app.private_key.splitlines()[1] not in talk
    assert platform.env["GITHUB_TOKEN"] not in talk
