"""run.yml and sign.yml with an account of AWS: a job runs on Batch, and nobody has a key."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import sys
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import pytest
import yaml
from cryptography import x509

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cloud"))
import cloudformation
import workflow_world
from batch_world import IMAGE, ROOT, on_aws, programs
from bridge.cloud import running
from cloudformation import ACCOUNT, REGION, environment
from test_workflows_aws import below, command_of, make_foundation
from web_identity import guarded
from workflow_world import told

from neurocaas_ci.stores.names import remember
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_state import S3State

pytestmark = [
    pytest.mark.sandbox, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600),
]  # fmt: skip
_template, platform = workflow_world._template, workflow_world.platform
RUN = ".github/workflows/run.yml"
BUCKET, PART = f"neurocaas-{ACCOUNT}-{REGION}", "groups/example-lab"
CERTIFICATE = "certificates/ada/2026-11/{}.sigstore.json"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/neurocaas/neurocaas-"


@pytest.fixture
def world(hub, platform, tmp_path):
    """A platform on GitHub whose policy runs jobs on AWS, and the account that is deployed for it."""
    blueprint = on_aws(workflow_world._loop.blueprint("cloud", "parallel", ["work"]))
    platform.write("registry/blueprints/cloud.yaml", blueprint)
    policy = {"schema": "neurocaas/policy/v1", "maintainers": ["ada"], "executor": "aws-batch"}
    platform.write("registry/policy.yaml", policy)
    platform.commit("Run jobs on AWS")
    with workflow_world.a_world(hub, platform, tmp_path) as (_, repository, actions, _p):
        cloudformation._close_gaps()
        with running() as cloud, mock.patch.dict(os.environ, environment(cloud.endpoint)):
            make_foundation(repository, platform)
            platform.env |= environment(cloud.endpoint)
            platform.run("deploy", "--apply", "--no-fetch")
            cloud.host.images[IMAGE] = {
                "PATH": f"{programs(platform.repo.parent)}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
            }  # fmt: skip
            set_up(actions, cloud)
            with guarded(actions.identity) as gate:
                yield repository, actions, cloud, gate


def set_up(actions, cloud) -> None:
    """Set what docs/github.md says, and nothing of a machine of one's own."""
    actions.ports = (*actions.ports, urlsplit(cloud.endpoint).port)
    actions.machine = {
        "AWS_ENDPOINT_URL": cloud.endpoint, "NEUROCAAS_BATCH_POLL_SECONDS": "0.5",
    }  # fmt: skip
    del actions.variables["NEUROCAAS_HOME"]
    actions.variables |= {
        "NEUROCAAS_AWS_ACCOUNT": ACCOUNT, "NEUROCAAS_AWS_REGION": REGION,
        "NEUROCAAS_STORE": f"s3://{BUCKET}", "NEUROCAAS_BATCH_IMAGE": IMAGE,
    }  # fmt: skip


def merge(repository, cloud, name: str) -> None:
    """Bring a job onto main whose dataset is in its group's part of the store."""
    client = cloud.client("s3")
    blob = S3Blobs(BUCKET, PART, client).put(io.BytesIO(b"alpha\n"))
    remember(S3State(BUCKET, PART, client), "alpha.txt", blob)
    manifest = {
        "schema": "neurocaas/job/v1", "name": name, "user": "ada", "group": "example-lab",
        "blueprint": "cloud@1.0.0", "parameters": {}, "pricing": "standard",
        "datasets": [{"uri": "store:alpha.txt", "sha256": blob.sha256, "size": blob.size}],
    }  # fmt: skip
    path = f"registry/jobs/ada/2026-11/{name}.yaml"
    repository.commit({path: yaml.safe_dump(manifest)}, user="octocat")


def signer_of(bundle: bytes) -> str:
    """Return the identity in the certificate of a bundle."""
    material = json.loads(bundle)["verificationMaterial"]
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(material["certificate"]["rawBytes"])
    )
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uri


class Killer:
    """Kills the runner when it looks after what it has submitted."""

    def __init__(self) -> None:
        self.submitted, self.killed = False, []

    def __call__(self, action: str) -> None:
        self.submitted |= action == "batch:submitjob"
        if self.submitted and action == "batch:describejobs" and not self.killed:
            runners = [pid for pid in below(os.getpid()) if b"--no-certify" in command_of(pid)]
            for pid in runners:
                os.kill(pid, signal.SIGKILL)
            self.killed += runners


def test_a_job_runs_on_aws_and_is_certified_without_any_key(world, hub):
    """Although its runner is killed: the schedule takes up what runs, and nothing runs twice."""
    repository, actions, cloud, gate = world
    gate.before = killer = Killer()
    merge(repository, cloud, "away")
    (run,) = actions.deliver()
    assert killer.killed
    assert run.results() == {
        "prepare": "success", "run-on-aws (example-lab)": "failure", "run": "skipped",
        "sign": "success",
    }, told([run])  # fmt: skip
    assert repository.read(CERTIFICATE.format("away")) is None

    actions.schedule("17 * * * *")
    (run,) = actions.deliver()
    said = told([run]) + "\n".join(gate.refused)
    assert run.results() == {
        "prepare": "success", "run-on-aws (example-lab)": "success", "run": "skipped",
        "sign": "success",
    }, said  # fmt: skip
    bundle = repository.read(CERTIFICATE.format("away"))
    assert bundle, said
    assert signer_of(bundle).endswith("/acme/registry/.github/workflows/sign.yml@refs/heads/main")
    # Each was the role of its own place, and did nothing that this does not allow.
    assert gate.refused == []
    assert {(arn.removeprefix(ROLE), c["sub"].rpartition(":")[2]) for arn, c in gate.assumed} == {
        ("run", "run"), ("sign", "signing"),
    }  # fmt: skip
    assert {c["aud"] for _, c in gate.assumed} == {"sts.amazonaws.com"}
    signed = {(a, place) for role, a, place in gate.asked if role == "neurocaas-sign"}
    assert not [one for one in signed if "/blobs/" in one[1] or "/contents/" in one[1]]
    assert (
        len([a for _, a, place in gate.asked if a == "batch:submitjob" and "job-queue" in place])
        == 1
    )
    assert len(cloud.instances()) == 1
    # The job had a role of its own, which the runner made within its rights, and took away.
    assert any(role.startswith("neurocaas-job-") for role, _, _ in gate.asked)
    roles = cloud.client("iam").list_roles(PathPrefix="/neurocaas/")["Roles"]
    assert not [one["RoleName"] for one in roles if one["RoleName"].startswith("neurocaas-job-")]
    assert hub.violations == []
