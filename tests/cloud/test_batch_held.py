"""A run whose machine was lost is submitted again when somebody can pay for that, and not before.

The fixture `world` adds that nothing remains, and that the ledger charges what certificates say.
"""

from __future__ import annotations

import json

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]


def change(world, path, **fields):
    file = world.platform.repo / path
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **fields}))
    world.platform.commit("Change money")


def test_what_a_lost_machine_cost_has_to_be_paid_before_another_is_had(world):
    # A run may cost a dollar, and there is one.
    change(world, "registry/hardware/m5.large.yaml", price_usd_per_hour={"standard": 60})
    change(world, "registry/users/ada.yaml", budget_usd=1)
    job = world.job("lost", world.put("a\n"), parameters={"seconds": 1})
    world.orphans = 1
    world.inside(TROUBLE=json.dumps({"lease_s": 4, "die": {"0": {"in_workflow": 0.2}}}))
    assert "1 of 1 runs are unfinished" in world.reconcile("--no-cache", code=16).stderr
    world.inside(TROUBLE="")
    for _ in range(2):
        said = world.reconcile("--no-cache", code=16).stderr
        assert "would be submitted again, which may cost" in said
        assert "user ada has 0.00 USD left" in said
        assert "raise the budget by pull request" in said
        assert len(world.journal(job)) == 1
        assert world.state.keys("held") == []

    change(world, "registry/users/ada.yaml", budget_usd=2)
    done = world.reconcile("--no-cache", "--no-certify")
    assert "beyond its reservation are held for it" in done.stderr
    assert len(world.journal(job)) == 2
    # It is held until main says what was used.
    assert world.state.keys("held") == [f"held/{job}"]
    world.reconcile()
    assert world.state.keys("held") == []
