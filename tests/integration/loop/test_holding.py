"""Runs that are submitted again hold what they may cost, and no dollar is held twice."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from test_admission import budget, change, submit_together

from neurocaas_ci.cli.holding import Holding
from neurocaas_ci.errors import BackendUnavailableError, IntegrityError
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.stores.directory import DirectoryState

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

# One that dies at a call of the store, before or after it, holding the claim.
HOLDER = """
import os, signal, sys
from pathlib import Path
from neurocaas_ci.cli.holding import Holding
from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.stores.directory import DirectoryState

repo, store, job, amount, death = sys.argv[1:]

class Dying(DirectoryState):
    def write(self, key, data, **options):
        if death == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(key, data, **options)
        if death == "after":
            os.kill(os.getpid(), signal.SIGKILL)

with GitTree(Path(repo), "refs/heads/main") as head:
    try:
        Holding(Path(repo), head, Dying(Path(store)))(job, int(amount))
    except BackendUnavailableError:
        sys.exit(16)
"""


@pytest.fixture
def priced(platform, monkeypatch):
    """A dataset costs a dollar at most; ada has five."""
    for name in ("NEUROCAAS_HOME", "NEUROCAAS_CACHE"):
        monkeypatch.setenv(name, platform.env[name])
    change(platform, "registry/hardware/laptop.yaml", price_usd_per_hour={"standard": 60})
    budget(platform, 5)
    return platform


def usd(amount: float) -> Microdollars:
    return Microdollars(round(amount * 1_000_000))


def state(platform) -> DirectoryState:
    return DirectoryState(platform.home / "store")


def hold(platform, job: str, committed: float, ref: str = "refs/heads/main") -> None:
    with GitTree(platform.repo, ref) as head:
        Holding(platform.repo, head, state(platform))(job, usd(committed))


def held(platform) -> dict[str, float]:
    documents = [
        json.loads(state(platform).read(key) or b"") for key in state(platform).keys("held")
    ]
    return {one["job"]: one["microdollars"] / 1e6 for one in documents}


def test_what_is_not_reserved_is_held_as_far_as_the_budget_goes(priced):
    _, (one, two) = submit_together(priced, "one", "two")
    # Two dollars are reserved for each, and one is left.
    hold(priced, one, 2.0)
    assert held(priced) == {}
    hold(priced, one, 2.6)
    hold(priced, one, 2.6)
    assert held(priced) == {one: 0.6}
    with pytest.raises(BackendUnavailableError, match=r"may cost 0\.50 USD beyond") as caught:
        hold(priced, two, 2.5)
    assert "user ada has 1.00 USD left" in caught.value.message
    assert "raise the budget" in caught.value.hint
    hold(priced, two, 2.4)
    with pytest.raises(BackendUnavailableError):
        hold(priced, one, 2.7)
    assert held(priced) == {one: 0.6, two: 0.4}
    budget(priced, 6)
    hold(priced, one, 2.7)
    assert held(priced) == {one: 0.7, two: 0.4}


def test_what_a_certificate_charges_is_held_no_more(priced):
    _, (one, two) = submit_together(priced, "one", "two")
    before = priced.git("rev-parse", "HEAD")
    hold(priced, one, 3.0)
    priced.reconcile(one)
    hold(priced, one, 9.0)
    assert held(priced) == {one: 1.0}
    with GitTree(priced.repo, "refs/heads/main") as head:
        Holding(priced.repo, head, state(priced)).release()
    assert held(priced) == {}
    hold(priced, two, 3.0)
    assert held(priced) == {two: 1.0}
    # Who knows main as it was before the other job takes nothing away from it.
    (three,) = [priced.job("three", priced.put("c\n"))]
    hold(priced, three, 1.5)
    with pytest.raises(BackendUnavailableError):
        hold(priced, two, 3.1, ref=before)
    assert held(priced) == {two: 1.0, three: 0.5}


def test_replays_and_jobs_that_main_does_not_have_hold_nothing(priced):
    hold(priced, "ada/2026-11/nobody", 100.0)
    assert held(priced) == {}


def test_what_is_damaged_is_named_and_holds_everybody_up(priced):
    _, (one, _two) = submit_together(priced, "one", "two")
    state(priced).write(f"held/{one}", b'{"schema": "neurocaas/held/v1"}')
    with pytest.raises(IntegrityError, match="what is held for a job cannot be read"):
        hold(priced, one, 2.5)


def start(platform, job, amount, death="") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(platform.repo), str(platform.home / "store"), job,
         str(usd(amount)), death],
        env=platform.env, cwd=platform.repo, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("death", ["before", "after"])
def test_a_runner_that_is_killed_leaves_no_claim_and_no_half(priced, death):
    _, (one, two) = submit_together(priced, "one", "two")
    assert start(priced, one, 2.6, death).wait(100) == -9
    assert held(priced) == ({} if death == "before" else {one: 0.6})
    # The next one holds the same, not as much again.
    hold(priced, one, 2.6)
    hold(priced, two, 2.4)
    assert held(priced) == {one: 0.6, two: 0.4}


def test_of_runners_at_once_no_two_hold_the_last_dollar(priced):
    budget(priced, 9)
    _, jobs = submit_together(priced, "a", "b", "c", "d")
    runners = [start(priced, job, 2.5) for job in jobs]
    codes = sorted(runner.wait(100) for runner in runners)
    assert codes == [0, 0, 16, 16], [runner.stderr.read() for runner in runners if runner.stderr]
    assert sum(held(priced).values()) == 1.0
