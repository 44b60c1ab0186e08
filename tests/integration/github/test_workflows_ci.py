"""ci.yml, run by act as it stands; what it calls is made small, for it would be these very tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from actions_world import World
from platform_on_github import PROJECT

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(300)]

CI = ".github/workflows/ci.yml"
TARGETS = ("check", "test", "test-slow")
MAKEFILE = """
.PHONY: check test test-slow
check test test-slow:
\t@echo "made $@ of $$(cat version.txt)"
\t@! grep -qx "$@" broken.txt
\t@echo "given: $$(env | grep -c hush)"
\t@echo "left by the checkout: $$(git config --get-regexp extraheader | wc -l)"
"""


@pytest.fixture
def world(hub):
    script = (PROJECT / "scripts/allow-sandbox").read_bytes()
    files = {
        CI: (PROJECT / CI).read_text(), "scripts/allow-sandbox": ("100755", script),
        "Makefile": MAKEFILE, "version.txt": "one\n", "broken.txt": "nothing\n",
    }  # fmt: skip
    return World(hub, files, secrets={"SECRET": "hush"})


def ran(run):
    """Return the jobs that ran with their results, and the steps of each."""
    steps = {job.id: [step.result for step in job.steps] for job in run.jobs.values()}
    assert set(steps) == {"check", "test"}, run.log + run.said
    assert all(steps.values()), run.log + run.said
    return run.results()


def test_a_push_to_main_is_checked_and_tested(world):
    world.repo.commit({"version.txt": "two\n"}, user="ada")
    (run,) = world.actions.deliver()
    run.require_success()
    assert ran(run) == {"check": "success", "test": "success"}
    said = re.findall(r"made (\S+) of (\w+)", run.log)
    assert sorted(said) == [(target, "two") for target in TARGETS]
    assert dict(run.permissions) == {"contents": "read"}


def test_a_pull_request_is_tested_with_its_own_code_and_nothing_to_take(world):
    world.pull({"version.txt": "proposed\n"})
    runs = [run for run in world.actions.deliver() if run.event == "pull_request"]
    (run,) = runs
    run.require_success()
    assert ran(run) == {"check": "success", "test": "success"}
    assert sorted(re.findall(r"made (\S+) of (\w+)", run.log)) == [(t, "proposed") for t in TARGETS]
    assert dict(run.permissions) == {"contents": "read"}
    # The repository has a secret, which no step asks for.
    assert re.findall(r"given: (\d+)", run.log) == ["0"] * 3
    assert re.findall(r"left by the checkout: (\d+)", run.log) == ["0"] * 3


@pytest.mark.parametrize(
    ("target", "job", "unreached"),
    [("check", "check", ()), ("test", "test", ("test-slow",)), ("test-slow", "test", ())],
)
def test_whatever_fails_makes_it_red_and_does_not_stop_the_other_job(world, target, job, unreached):
    world.repo.commit({"broken.txt": f"{target}\n"}, user="ada")
    (run,) = world.actions.deliver()
    assert run.conclusion == "failure"
    other = {"check": "test", "test": "check"}[job]
    assert ran(run) == {job: "failure", other: "success"}
    made = {name for name, _ in re.findall(r"made (\S+) of (\w+)", run.log)}
    assert made == set(TARGETS) - set(unreached)


def test_a_branch_without_a_pull_request_starts_nothing(world):
    world.repo.commit({"version.txt": "side\n"}, branch="side", user="ada")
    assert world.actions.deliver() == []


def test_the_real_targets_are_there_and_are_what_the_script_for_other_machines_runs():
    called = set(re.findall(r"run: make (\S+)", (PROJECT / CI).read_text()))
    assert called == set(TARGETS)
    known = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert called <= known
    script = (PROJECT / ".ci/run").read_text()
    assert set(re.findall(r"^make (\S+)$", script, re.MULTILINE)) == called
