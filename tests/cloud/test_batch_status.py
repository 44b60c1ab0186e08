"""`neurocaas status` says of runs on AWS Batch where they are and why they wait."""

from __future__ import annotations

import json

import pytest
from waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_what_waits_says_why_and_what_runs_says_where(world):
    platform = world.platform
    # Three machines fit into the queue, and the first three runs keep them while it is looked at.
    job = world.job("many", platform.put(*"abcd"), parameters={"seconds": 55})
    runner = world.start()
    try:
        until(lambda: any(world.has_started(job, f"00{k}-work") for k in range(1, 5)))
        shown = platform.run("status", "--no-fetch", job, "--format", "json").stdout
        manifest = platform.repo / f"registry/jobs/{job}.yaml"
        manifest.write_text(manifest.read_text() + "cancelled: {reason: seen enough}\n")
        platform.commit("Cancel it")
        runner.wait(150)
    finally:
        runner.kill()
    (view,) = json.loads(shown)["jobs"]
    assert view["state"] == "running"
    waits = [run for run in view["runs"] if run["message"] == "it waits for a free machine"]
    assert {run["state"] for run in waits} == {"queued"}, view["runs"]
    assert any(run["state"] == "running" for run in view["runs"])
