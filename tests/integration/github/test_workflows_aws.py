"""deploy.yml and audit.yml with an account of AWS: stacks follow main, and drift is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cloud"))
import test_workflows_deploy
import workflow_world
from cloudformation import ACCOUNT, REGION, client, cloud
from deploy_world import blueprint_file, group_file, hardware_file
from web_identity import guarded
from workflow_world import told

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(600)]

_template, platform, world, images = (
    workflow_world._template,
    workflow_world.platform,
    workflow_world.world,
    test_workflows_deploy.images,
)
DEPLOY, AUDIT = ".github/workflows/deploy.yml", ".github/workflows/audit.yml"
ON_AWS = {
    **hardware_file("m5.large", vcpus=2),
    **blueprint_file("counter", ["m5.large"]),
    **group_file("cloud-lab"),
}


@pytest.fixture
def account(world, images, platform):
    """An account in which an administrator has made the foundation for this repository."""
    _, repository, actions, _ = world
    with cloud() as address, guarded(actions.identity) as gate:
        found(repository, platform)
        set_up(actions, address)
        yield gate


def found(repository, platform, *arguments: str) -> None:
    subject = f"acme@{repository.owner.id}/registry@{repository.id}"
    subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", "deploy", "--apply", "--foundation",
         "--no-fetch", "--subject", subject, *arguments],
        cwd=platform.repo, check=True, capture_output=True,
    )  # fmt: skip


def set_up(actions, address: str) -> None:
    actions.ports = (*actions.ports, urlsplit(address).port)
    actions.machine = {"AWS_ENDPOINT_URL": address}
    actions.variables = {
        **actions.variables, "NEUROCAAS_AWS_ACCOUNT": ACCOUNT, "NEUROCAAS_AWS_REGION": REGION,
    }  # fmt: skip


def stack():
    (made,) = client("cloudformation").describe_stacks(StackName="neurocaas-registry")["Stacks"]
    return made["StackStatus"], {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}


def test_a_push_to_main_brings_aws_to_it_and_a_second_run_changes_nothing(world, images, account):
    hub, repository, actions, _ = world
    commit = repository.commit(ON_AWS, user="octocat")
    (run,) = actions.deliver()
    assert run.results() == {
        "look": "success", "build": "success", "publish": "success", "aws": "success",
        "no-aws": "skipped",
    }, told([run]) + str(account.refused)  # fmt: skip
    assert images.pushed
    status, outputs = stack()
    assert (status, outputs["Commit"]) == ("CREATE_COMPLETE", run.sha)
    assert client("iam").get_role(RoleName="neurocaas-group-cloud-lab")
    summary = run.jobs["aws"].summary
    assert "+ Batch::JobQueue neurocaas-m5-large-standard: create" in summary
    assert "Sync    in sync" in summary
    assert "Health  healthy" in summary
    assert {role for role, _, _ in account.asked} == {"neurocaas-deploy"}
    assert account.refused == []
    assert {claims["environment"] for _, claims in account.assumed} == {"deploy"}

    actions.dispatch("deploy.yml")
    (again,) = actions.deliver()
    assert again.jobs["aws"].result == "success", told([again])
    assert again.jobs["publish"].result == "skipped"
    assert "nothing changes" in again.jobs["aws"].summary
    assert "nothing to do" in again.jobs["aws"].summary
    assert hub.violations == []
