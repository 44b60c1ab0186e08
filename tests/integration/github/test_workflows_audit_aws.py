"""audit.yml with an account of AWS: replays of jobs whose inputs are in a bucket, and nobody has a key."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import test_workflows_run_aws
from test_workflows_run_aws import BUCKET, CERTIFICATE, PART, ROLE, merge
from workflow_world import told

from neurocaas_ci.access.seal import new_identity
from neurocaas_ci.cli.concluded import concluded_in
from neurocaas_ci.deploy.apply import Clock
from neurocaas_ci.deploy.aws.session import Clients
from neurocaas_ci.deploy.aws.watchdog import BatchWatchdog
from neurocaas_ci.stores.s3_cell import cell_id, cell_place
from neurocaas_ci.stores.s3_client import S3Place

pytestmark = [
    pytest.mark.sandbox, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600),
]  # fmt: skip
_template, platform, world = (
    test_workflows_run_aws._template,
    test_workflows_run_aws.platform,
    test_workflows_run_aws.world,
)


@pytest.fixture
def certified(world, tmp_path):
    """A bucket with the contents of one certified job, and the pair of keys of docs/github.md."""
    repository, actions, cloud, gate = world
    public = new_identity(tmp_path / "sample.key")
    merge(repository, cloud, "away")
    runs = actions.deliver()
    assert repository.read(CERTIFICATE.format("away")), told(runs) + "\n".join(gate.refused)
    assert gate.refused == []
    gate.asked.clear()
    gate.assumed.clear()
    private = {"NEUROCAAS_SAMPLE_IDENTITY": (tmp_path / "sample.key").read_text()}
    actions.environments = {**actions.environments, "replay": private}
    return world, public


def audited(actions):
    actions.dispatch("audit.yml")
    (run,) = actions.deliver()
    return run


def results(run) -> dict[str, str]:
    return {name: how for name, how in run.results().items() if name != "drift"}


def test_jobs_in_a_bucket_are_replayed_where_no_identity_is(certified, hub, tmp_path):
    (repository, actions, cloud, gate), public = certified
    # Without the key it is said that nothing is replayed.
    run = audited(actions)
    assert results(run) == {
        "audit": "success", "gather": "skipped", "replay": "skipped", "no-replays": "success",
        "no-aws": "skipped",
    }, told([run])  # fmt: skip
    assert "nothing is replayed" in run.jobs["no-replays"].summary

    actions.variables["NEUROCAAS_SAMPLE_KEY"] = public
    kept = stored(cloud)
    run = audited(actions)
    assert results(run) == {
        "audit": "success", "gather": "success", "replay": "success", "no-replays": "skipped",
        "no-aws": "skipped",
    }, told([run]) + "\n".join(gate.refused)  # fmt: skip
    assert "1 of 1 files of certificates/ are valid" in run.jobs["audit"].log
    assert "identical" in run.jobs["replay"].summary
    # One place read contents of the group, and wrote nothing; no other place had the rights to.
    data = {(role, action) for role, action, _ in gate.asked if action.startswith("s3:")}
    assert {r for r in data if r[0] == "neurocaas-gather"} <= {
        ("neurocaas-gather", "s3:GetObject"), ("neurocaas-gather", "s3:ListBucket"),
    }  # fmt: skip
    read = {place for role, action, place in gate.asked if (role, action) == ("neurocaas-gather", "s3:GetObject")}  # fmt: skip
    assert read
    assert all(f"{BUCKET}/{PART}/blobs/" in place for place in read)
    places = {(arn.removeprefix(ROLE), c["sub"].rpartition(":")[2]) for arn, c in gate.assumed}
    assert places <= {("gather", "gather"), ("audit", "audit")}
    assert ("gather", "gather") in places
    assert [line for line in gate.refused if line.startswith("neurocaas-gather")] == []
    assert stored(cloud) == kept
    # Who can read the repository can download what one job hands to the other.
    with zipfile.ZipFile(io.BytesIO(run.artifacts["sample"])) as artifact:
        files = {name: artifact.read(name) for name in artifact.namelist()}
    assert json.loads(files.pop("sample.json"))["jobs"] == ["ada/2026-11/away"]
    assert files
    assert all(content.startswith(b"age-encryption.org/v1\n") for content in files.values())
    assert b"alpha" not in b"".join(files.values())
    assert hub.violations == []

    assert ended_by_the_watchdog(repository, cloud, tmp_path) == {"cell", "logs"}

    # With a right too few nothing is handed on.
    iam = cloud.client("iam")
    (name,) = iam.list_role_policies(RoleName="neurocaas-gather")["PolicyNames"]
    look = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [look]})
    iam.put_role_policy(RoleName="neurocaas-gather", PolicyName=name, PolicyDocument=document)
    run = audited(actions)
    # Certificates are verified all the same.
    assert results(run) == {
        "audit": "success", "gather": "failure", "replay": "skipped", "no-replays": "skipped",
        "no-aws": "skipped",
    }, told([run])  # fmt: skip
    assert any(line.startswith("neurocaas-gather: s3:GetObject on") for line in gate.refused)
    assert "Traceback" not in run.jobs["gather"].log
    assert "sample" not in run.artifacts


def ended_by_the_watchdog(repository, cloud, folder) -> set[str]:
    """Let something be written into the cell late; return the kinds of what is ended a day later."""
    job = "ada/2026-11/away"
    store = S3Place(BUCKET, PART)
    late = cell_place(store, cell_id(job)).key("contents", "late")
    cloud.client("s3").put_object(Bucket=BUCKET, Key=late, Body=b"late")
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", repository.clone_url, str(clone)], check=True)
    clock = Clock(time.monotonic, time.sleep)
    with ExitStack() as stack:
        concluded = concluded_in(stack, clone, None, fetch=False)
        dog = BatchWatchdog(Clients(), time.time() + 100_000, clock, concluded)
        found = dog.leftovers()
        for item in found:
            assert item.ends
            assert job in item.reason
            dog.end(item)
        assert dog.leftovers() == []
    assert not [key for key, _ in stored(cloud) if "/cells/" in key]
    group = "/neurocaas/groups/example-lab"
    assert cloud.client("logs").describe_log_streams(logGroupName=group)["logStreams"] == []
    return {item.kind for item in found}


def stored(cloud) -> set[tuple[str, str]]:
    """Return all that is in the bucket, by key and version."""
    pages = cloud.client("s3").get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    return {(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", ())}
