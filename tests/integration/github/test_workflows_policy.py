"""run.yml, sign.yml and audit.yml, run by act where only the policy on main says who signs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workflow_world
from workflow_world import names, submit, told

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
)


def test_the_workflows_sign_and_audit_by_the_roots_of_the_policy(world):
    hub, repository, actions, platform = world
    config = Path(actions.variables["NEUROCAAS_TRUST_CONFIG"]).read_bytes()
    policy = yaml.safe_load(repository.read("registry/policy.yaml") or b"maintainers: [ada]")
    policy |= {"schema": "neurocaas/policy/v1", "trust_roots": ["lab"], "executor": "local"}
    repository.commit(
        {"registry/policy.yaml": yaml.safe_dump(policy), "registry/trust/lab.json": config}
    )
    named = {"NEUROCAAS_TRUST_CONFIG", "NEUROCAAS_TRUST_ROOT"}
    actions.variables = {k: v for k, v in actions.variables.items() if k not in named}
    submit(hub, repository, actions, platform)
    runs = actions.deliver()
    assert names(runs)[-1] == ("run.yml", "success"), told(runs)
    assert repository.read("certificates/ada/2026-11/first.sigstore.json"), told(runs)
    actions.dispatch("audit.yml")
    (audit,) = actions.deliver()
    assert audit.conclusion == "success", audit.log + audit.said

    # Where runs are placed is read from there too: this machine has no cluster.
    slurm = {**policy, "executor": "slurm"}
    repository.commit({"registry/policy.yaml": yaml.safe_dump(slurm)})
    submit(hub, repository, actions, platform, name="second", parameters={"mode": "other"})
    runs = actions.deliver()
    assert names(runs)[-1] == ("run.yml", "failure"), told(runs)
    assert "sbatch" in runs[-1].log or "Slurm" in runs[-1].log, told(runs)
