"""run.yml, sign.yml and audit.yml, run by act where only the policy on main says who signs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import workflow_world
from workflow_world import dataset, names, told

from neurocaas_ci.audit.signature import names_local_issuer
from neurocaas_ci.signing.local_sigstore import LocalSigstore

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
)


JOB = """schema: neurocaas/job/v1
name: {name}
user: ada
blueprint: probe@1.0.0
datasets:
  - {{uri: "{uri}", sha256: "{sha256}", size: {size}}}
parameters: {{}}
pricing: standard
"""


def _choose(repository, **choices):
    policy = yaml.safe_load(repository.read("registry/policy.yaml") or b"maintainers: [ada]")
    policy |= {"schema": "neurocaas/policy/v1", **choices}
    repository.commit({"registry/policy.yaml": yaml.safe_dump(policy)})


def _merged(world, name):
    """Merge a job; return what that starts."""
    _, repository, actions, platform = world
    entry = dataset(actions, platform)
    path = f"registry/jobs/ada/2026-11/{name}.yaml"
    repository.commit({path: JOB.format(name=name, **entry)}, user="octocat")
    return actions.deliver()


@pytest.mark.parametrize("whose", ["an instance of the lab", "the machine's own instance"])
def test_the_workflows_sign_and_audit_by_the_roots_of_the_policy(world, whose):
    _, repository, actions, _ = world
    if whose.startswith("the machine"):
        # As `neurocaas init platform --trust-root machine` makes it on the runner.
        signing = LocalSigstore.open(actions.kept[0] / "signing")
        root = signing.trusted_root.read_bytes()
    else:
        root = Path(actions.variables["NEUROCAAS_TRUST_CONFIG"]).read_bytes()
    repository.commit({"registry/trust/lab.json": root})
    _choose(repository, trust_roots=["lab"], executor="local")
    named = {"NEUROCAAS_TRUST_CONFIG", "NEUROCAAS_TRUST_ROOT"}
    actions.variables = {k: v for k, v in actions.variables.items() if k not in named}
    runs = _merged(world, "first")
    assert names(runs) == [("run.yml", "success")], told(runs)
    bundle = repository.read("certificates/ada/2026-11/first.sigstore.json")
    assert bundle, told(runs)
    assert names_local_issuer(bundle) is whose.startswith("the machine")
    actions.dispatch("audit.yml")
    (audit,) = actions.deliver()
    assert audit.conclusion == "success", audit.log + audit.said
