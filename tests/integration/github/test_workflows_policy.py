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


@pytest.mark.long
def test_an_account_of_aws_changes_nothing_for_jobs_that_do_not_run_there(world):
    """One job more says where they run; nobody becomes a role of AWS, which is out of reach here."""
    actions = world[2]
    actions.variables = {
        **actions.variables, "NEUROCAAS_AWS_ACCOUNT": "1" * 12, "NEUROCAAS_AWS_REGION": "us-east-1",
    }  # fmt: skip
    (run,) = _merged(world, "here")
    assert run.results() == {
        "prepare": "success", "run-on-aws (-)": "skipped", "run": "success", "sign": "success",
    }, told([run])  # fmt: skip
    assert "executor=local" in run.jobs["prepare"].log
    assert world[1].read("certificates/ada/2026-11/here.sigstore.json")


@pytest.mark.long
def test_without_open_jobs_nothing_is_run_or_signed_on_aws(world):
    actions = world[2]
    _choose(world[1], executor="aws-batch")
    actions.variables = {
        **actions.variables, "NEUROCAAS_AWS_ACCOUNT": "1" * 12, "NEUROCAAS_AWS_REGION": "us-east-1",
    }  # fmt: skip
    actions.dispatch("run.yml")
    (run,) = [run for run in actions.deliver() if run.path.endswith("/run.yml")]
    assert run.results() == {
        "prepare": "success", "run-on-aws (-)": "skipped", "run": "skipped", "sign": "skipped",
    }, told([run])  # fmt: skip
