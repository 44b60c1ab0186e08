"""A workflow run becomes a role of AWS: by the real boto3, against roles as they are deployed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from cloudformation import ACCOUNT, client, cloud, environment
from deploy_world import commit, group_file, small
from moto.sts.models import sts_backends
from web_identity import guarded

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "signing"))
from sigstore_server import TOKEN, running

from neurocaas_ci.cli import cloud_identity
from neurocaas_ci.cli.cloud_identity import taken_on

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
    # No token stays behind.
    assert list(tmp_path.iterdir()) == []


def test_a_run_deploys_as_the_role_and_with_nothing_but_its_rights(deploy, platform):
    _, _, gate = platform
    done = deploy("--apply")
    assert done.returncode == 0, done.stderr + str(gate.refused)
    assert gate.refused == []
    # The machine's own keys, which boto3 would take first, were in the environment.
    assert {role for role, _, _ in gate.asked} == {"neurocaas-deploy"}
    assert {arn for arn, _ in gate.assumed} == {ROLE + "deploy"}
    actions = {action for _, action, _ in gate.asked}
    assert {"cloudformation:CreateChangeSet", "iam:PassRole"} <= actions
    assert client("batch").describe_job_queues()["jobQueues"]
    plan = deploy("--plan", "--deployed")
    assert "neurocaas-registry: nothing changes" in plan.stdout, plan.stderr


@pytest.mark.parametrize(
    "asked",
    [
        {"claims": {"ref": "refs/heads/mine"}},
        {"place": "ref:refs/heads/main"},
        {"place": "environment:audit"},
        {"place": "pull_request"},
        {"subject": "lab@1/platform@3"},
        {"subject": "lab/platform"},
        {"role": "audit"},
        {"role": "run"},
        {"role": "run", "place": "ref:refs/heads/main"},
        {"role": "run", "place": "environment:signing"},
        {"role": "run", "place": "environment:run", "claims": {"ref": "refs/heads/mine"}},
        {"role": "sign", "place": "environment:run"},
        {"role": "sign", "place": "environment:signing", "subject": "lab@1/platform@3"},
        {"role": "gather", "place": "environment:replay"},
        {"role": "gather", "place": "environment:audit"},
        {"role": "gather", "place": "ref:refs/heads/main"},
        {"role": "gather", "place": "environment:gather", "claims": {"ref": "refs/heads/mine"}},
        {"role": "audit", "place": "environment:gather"},
        {"role": "run", "place": "environment:gather"},
        {"role": "group-lab", "place": "environment:run"},
    ],
    ids=str,
)
def test_nobody_else_becomes_a_role(deploy, platform, asked):
    done = deploy("--status", **asked)
    assert (done.returncode, done.stdout) == (2, "")
    assert "AWS does not allow it" in done.stderr
    assert platform[2].assumed == []


@pytest.mark.parametrize(
    ("role", "place"), [("run", "run"), ("sign", "signing"), ("gather", "gather")]
)
def test_who_runs_signs_and_gathers_become_their_role_and_look_at_no_stack(
    deploy, platform, role, place
):
    done = deploy("--status", role=role, place=f"environment:{place}")
    assert done.returncode == 2
    assert {arn for arn, _ in platform[2].assumed} == {ROLE + role}
    assert {line.split(" on ")[0] for line in platform[2].refused} == {
        f"neurocaas-{role}: cloudformation:DescribeStacks"
    }


def test_who_audits_may_look_and_not_change(deploy, platform):
    who = {"role": "audit", "place": "environment:audit"}
    assert deploy("--status", **who).returncode == 0, platform[2].refused
    folder, _, gate = platform
    commit(folder, group_file("later"))
    done = deploy("--apply", **who)
    assert done.returncode == 2
    assert [line.split(" on ")[0] for line in gate.refused] == ["neurocaas-audit: iam:PassRole"]
    assert "Sync    in sync" not in deploy("--status", **who).stdout


def test_what_is_no_role_or_no_run_is_said_before_aws_is_asked(deploy, platform):
    done = deploy("--status", NEUROCAAS_AWS_ROLE="123456789012")
    assert (done.returncode, done.stdout) == (2, "")
    assert "NEUROCAAS_AWS_ROLE: '123456789012' is not the ARN of a role" in done.stderr
    done = deploy("--status", ACTIONS_ID_TOKEN_REQUEST_URL="")
    assert done.returncode == 2
    assert "id-token: write" in done.stderr
    assert platform[2].assumed == []


def test_a_long_pass_takes_the_role_on_again_with_a_new_token(
    issuer, platform, monkeypatch, tmp_path
):
    """Credentials that end while a command is at work are had anew, as is what they are had for."""
    _, address, gate = platform
    issuer.claims |= {"sub": f"repo:{SUBJECT}:environment:deploy", "ref": "refs/heads/main"}
    monkeypatch.setattr(issuer, "token_seconds", 3)
    monkeypatch.setattr(gate, "seconds", 60)
    gate.assumed.clear()
    said = []
    machine = {
        **environment(address), **issuer.environment(), "NEUROCAAS_AWS_ROLE": ROLE + "deploy",
        "RUNNER_TEMP": str(tmp_path), "GITHUB_RUN_ID": "7", "GITHUB_JOB": "a job",
    }  # fmt: skip
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in machine.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with taken_on(os.environ, said.append):
        file = Path(os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        batch = boto3.Session().client("batch")
        first = file.read_text()
        batch.describe_job_queues()
        end = time.monotonic() + 6
        while file.read_text() == first:
            assert time.monotonic() < end
            time.sleep(0.1)
        batch.describe_job_queues()
    assert dict(os.environ) == before
    (_, earlier), (_, later) = gate.assumed
    assert earlier["exp"] < later["exp"]
    assert said == []
    names = {r.session_name for r in sts_backends[ACCOUNT]["aws"].assumed_roles}
    assert "neurocaas-7-a-job" in names


def test_an_outage_of_the_identity_is_told_once_and_outlived(issuer, monkeypatch, tmp_path):
    monkeypatch.setattr(issuer, "token_seconds", 2)
    monkeypatch.setattr(cloud_identity, "_AFTER_FAILURE", 0.1)
    said = []
    machine = {
        **issuer.environment(), "NEUROCAAS_AWS_ROLE": ROLE + "deploy", "RUNNER_TEMP": str(tmp_path),
    }  # fmt: skip
    with taken_on(machine, said.append):
        file = Path(machine["AWS_WEB_IDENTITY_TOKEN_FILE"])
        first = file.read_text()
        issuer.faults[TOKEN] = 403
        end = time.monotonic() + 20
        while not said:
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(0.5)
        assert (len(said), file.read_text()) == (1, first)
        issuer.faults.clear()
        while file.read_text() == first:
            assert time.monotonic() < end
            time.sleep(0.1)
    assert "not renewed" in said[0]
