"""deploy.yml and audit.yml with an account of AWS: stacks follow main, and drift is told."""

from __future__ import annotations

import contextlib
import os
import signal
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
from second_opinion import second_cloud
from web_identity import guarded
from workflow_world import told

pytestmark = [
    pytest.mark.sandbox, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600),
]  # fmt: skip

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
        make_foundation(repository, platform)
        set_up(actions, address, ACCOUNT)
        yield gate


def make_foundation(repository, platform, *arguments: str) -> None:
    subject = f"acme@{repository.owner.id}/registry@{repository.id}"
    subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", "deploy", "--apply", "--foundation",
         "--no-fetch", "--subject", subject, *arguments],
        cwd=platform.repo, check=True, capture_output=True,
    )  # fmt: skip


def set_up(actions, address: str, number: str) -> None:
    actions.ports = (*actions.ports, urlsplit(address).port)
    actions.machine = {"AWS_ENDPOINT_URL": address}
    actions.variables = {
        **actions.variables, "NEUROCAAS_AWS_ACCOUNT": number, "NEUROCAAS_AWS_REGION": REGION,
    }  # fmt: skip


def stack() -> tuple[str, str]:
    """Return the state of the registry's stack, and the commit that it is stamped with."""
    (made,) = client("cloudformation").describe_stacks(StackName="neurocaas-registry")["Stacks"]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in made.get("Outputs", ())}
    return made["StackStatus"], outputs.get("Commit", "")


class Killer:
    """Ends the process that applies when it starts its change, which then does not begin."""

    def __init__(self) -> None:
        self.killed: list[int] = []

    def __call__(self, action: str) -> None:
        if action != "cloudformation:ExecuteChangeSet":
            return
        for pid in below(os.getpid()):
            if b"--apply" in command_of(pid).split(b"\0"):
                os.kill(pid, signal.SIGKILL)
                self.killed.append(pid)
        raise ConnectionAbortedError("nobody is there any more")


def below(root: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    found = []
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        # A thread that has ended since takes nothing from what the others have started.
        with contextlib.suppress(OSError):
            for pid in children.read_text().split():
                found += [int(pid), *below(int(pid))]
    return found


def command_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_aws_follows_main_also_where_a_deployment_was_killed(world, images, account):
    hub, repository, actions, _ = world
    account.before = killer = Killer()
    repository.commit(ON_AWS, user="octocat")
    (run,) = actions.deliver()
    assert run.results() == {
        "look": "success", "build": "success", "publish": "success", "aws": "failure",
        "no-aws": "skipped",
    }, told([run]) + str(account.refused)  # fmt: skip
    assert len(killer.killed) == 1
    assert "+ Batch::JobQueue neurocaas-m5-large-standard: create" in run.jobs["aws"].summary
    assert "it was proposed and never started" in run.jobs["aws"].summary
    assert stack()[0] == "REVIEW_IN_PROGRESS"
    # Images first.
    assert images.pushed

    account.before = lambda _action: None
    actions.schedule("41 3 * * *")
    (run,) = actions.deliver()
    assert run.jobs["aws"].result == "success", told([run]) + str(account.refused)
    assert (run.jobs["build"].result, run.jobs["publish"].result) == ("skipped", "skipped")
    assert stack() == ("CREATE_COMPLETE", run.sha)
    assert client("iam").get_role(RoleName="neurocaas-group-cloud-lab")
    assert "Sync    in sync" in run.jobs["aws"].summary
    assert "Health  healthy" in run.jobs["aws"].summary

    actions.dispatch("deploy.yml")
    (run,) = actions.deliver()
    assert run.jobs["aws"].result == "success", told([run])
    assert "neurocaas-registry: nothing changes" in run.jobs["aws"].summary
    assert "nothing to do" in run.jobs["aws"].summary

    # All of it was done as one role, within its rights, and by its place on main.
    assert {role for role, _, _ in account.asked} == {"neurocaas-deploy"}
    assert account.refused == []
    assert {claims["environment"] for _, claims in account.assumed} == {"deploy"}
    assert hub.violations == []


def test_drift_is_told_and_left_as_it_is(world, platform, tmp_path):
    hub, repository, actions, _ = world
    (tmp_path / "cloud").mkdir()
    # Who audits may look at everything, and that emulator asks what it may.
    with second_cloud(tmp_path / "cloud", AUTH="true") as address:
        number = "000000000000"
        provider = f"arn:aws:iam::{number}:oidc-provider/token.actions.githubusercontent.com"
        make_foundation(repository, platform, "--oidc-provider", provider)
        set_up(actions, address, number)
        iam = client("iam")
        iam.attach_role_policy(
            RoleName="neurocaas-run", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        actions.dispatch("audit.yml")
        (run,) = actions.deliver()
        attached = iam.list_attached_role_policies(RoleName="neurocaas-run")["AttachedPolicies"]
    assert run.results() == {
        "audit": "success", "drift": "failure", "no-aws": "skipped", "gather": "skipped",
        "replay": "skipped", "no-replays": "skipped",
    }, told([run])  # fmt: skip
    summary = run.jobs["drift"].summary
    assert "role neurocaas-run: has arn:aws:iam::aws:policy/AdministratorAccess attached" in summary
    assert "Sync    not deployed" in summary
    assert len(attached) == 1
    assert hub.violations == []
