"""A deployment that is killed at any call of AWS is finished by the next one, to the same end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cloudformation import cloud
from deploy_world import blueprint_file, commit, group_file, small

SCRIPT = Path(__file__).resolve().parents[2] / "cloud" / "kill_points.py"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_deployment_is_finished_by_the_next(tmp_path):
    first = commit(tmp_path, small())
    second = commit(tmp_path, blueprint_file("demo", ["m5.large"], parallel=20) | group_file("new"))
    with cloud() as address:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), address, str(tmp_path), first, second],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    made, changed = map(json.loads, done.stdout.splitlines())
    for scenario in (made, changed):
        killed = [point for point in scenario["points"] if point["died"] == -9]
        assert len(killed) >= 8
        assert [point for point in killed if point["again"] or not point["same"]] == []
    queues = dict(changed["clean"][2])
    assert list(queues) == ["neurocaas-m5-large-standard"]
    assert "neurocaas-group-new" in changed["clean"][3]
