"""A workflow run becomes a role of AWS: by the real boto3, against roles as they are deployed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cloudformation import ACCOUNT, client, cloud, environment
from deploy_world import commit, small
from web_identity import guarded

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from sigstore_server import running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SUBJECT = "lab@1/platform@2"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/neurocaas/neurocaas-"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with running(tmp_path_factory.mktemp("issuer")) as found:
        yield found


@pytest.fixture(scope="module")
def platform(tmp_path_factory, issuer):
    """A registry whose foundation an administrator has made, and what guards the account."""
    folder = tmp_path_factory.mktemp("registry")
    commit(folder, small())
    with cloud() as address, guarded(issuer) as gate:
        made = subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", "deploy", "--apply", "--foundation",
             "--no-fetch", "--subject", SUBJECT],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        yield folder, address, gate


@pytest.fixture
def deploy(platform, issuer, tmp_path):
    """Return a function that runs the command as a workflow run does."""
    folder, address, gate = platform
    gate.assumed.clear()
    gate.asked.clear()
    gate.refused.clear()

    def run(*arguments, role="deploy", place="environment:deploy", subject=SUBJECT, **more):
        issuer.claims |= {"sub": f"repo:{subject}:{place}", "ref": "refs/heads/main"}
        issuer.claims |= more.pop("claims", {})
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GITHUB_"))},
            **environment(address), **issuer.environment(), "RUNNER_TEMP": str(tmp_path),
            "NEUROCAAS_AWS_ROLE": ROLE + role, "GITHUB_RUN_ID": "7", **more,
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", "deploy", "--no-fetch", *arguments],
            cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip

    yield run
    assert list(tmp_path.iterdir()) == []


def test_a_run_deploys_as_the_role_and_with_nothing_but_its_rights(deploy, platform):
    _, _, gate = platform
    done = deploy("--apply")
    assert done.returncode == 0, done.stderr + str(gate.refused)
    assert gate.refused == []
    (found, *_) = gate.assumed
    assert found[0] == ROLE + "deploy"
    assert {role for role, _, _ in gate.asked} == {"neurocaas-deploy"}
    actions = {action for _, action, _ in gate.asked}
    assert {"cloudformation:CreateChangeSet", "iam:PassRole"} <= actions
    assert client("batch").describe_job_queues()["jobQueues"]
