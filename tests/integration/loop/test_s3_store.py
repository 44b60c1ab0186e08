"""The whole loop with contents and state on S3: the same digests, seen from any machine."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cloud"))
from moto_server import moto_server

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(300)]


class OnS3:
    """A platform whose store is a bucket of the stand-in for AWS."""

    def __init__(self, platform):
        self.platform, self.aws = platform, moto_server()
        self.bucket = self.aws.new_bucket()
        self.store = f"s3://{self.bucket}/lab"
        platform.env |= self.aws.environment | {"NEUROCAAS_STORE": self.store}
        self.s3 = self.aws.client("s3")

    def document(self, *parts):
        key = "/".join(("lab/state/jobs", *parts))
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"lab/{prefix}"
        )
        return [o["Key"] for page in pages for o in page.get("Contents", [])]

    def elsewhere(self):
        """Let the next commands run on a machine that has nothing but the clone."""
        home = Path(tempfile.mkdtemp(prefix="elsewhere-", dir=self.platform.home.parent))
        home.chmod(0o755)
        self.platform.env["NEUROCAAS_HOME"] = str(home)


@pytest.fixture
def on_s3(platform):
    return OnS3(platform)


def test_a_job_gives_the_same_digests_as_in_a_folder(platform):
    """The manifest names contents, not stores: only where they are kept differs."""
    data = platform.put("a\n", "b\n")
    platform.job("twice", data, blueprint="chain")
    platform.reconcile("--no-certify")
    job = "ada/2026-11/twice"
    before = {run: record["outputs"] for run, record in platform.records(job).items()}
    s3 = OnS3(platform)
    for file in sorted(platform.repo.parent.glob("d*.txt")):
        platform.run("data", "put", str(file))
    platform.reconcile("--no-certify")
    after = {run: s3.document(job, "runs", run, "record.json")["outputs"] for run in before}
    assert after == before
    assert not s3.keys("state/jobs/ada/2026-11/twice/runs/001-one/log")


def test_every_command_works_from_another_machine(on_s3, tmp_path):
    platform = on_s3.platform
    job = platform.job("shared", platform.put("hello\n"))
    platform.reconcile()
    assert "identical" in platform.audit("replay", job).stdout
    on_s3.elsewhere()
    assert "succeeded" in platform.run("status", "--no-fetch").stdout
    assert platform.run("logs", "--no-fetch", job).stdout
    target = tmp_path / "results"
    platform.run("fetch", "--no-fetch", job, str(target))
    (record,) = (on_s3.document(job, "runs", "001-work", "record.json"),)
    assert (target / "001-work/result.json").stat().st_size == record["outputs"][0][2]
    assert (target / "certificate.sigstore.json").is_file()
    listed = platform.run("data", "ls").stdout
    assert listed.startswith("store:d000.txt")
    assert "nothing to do" in platform.reconcile().stderr
    platform.run("data", "rm", "--content", "d000.txt")
    assert platform.run("data", "ls").stdout == ""


def test_a_run_under_way_is_seen_from_another_machine(on_s3):
    platform = on_s3.platform
    job = platform.job("long", platform.put("a\n"), parameters={"seconds": 12})
    home = platform.env["NEUROCAAS_HOME"]
    working = platform.start("reconcile", "--no-fetch", "--no-certify")
    try:
        on_s3.elsewhere()
        deadline = time.monotonic() + 60
        while True:
            shown = json.loads(platform.run("status", "--no-fetch", "--format", "json").stdout)
            (found,) = shown["jobs"]
            if found["runs"] and found["runs"][0]["state"] == "running":
                break
            assert time.monotonic() < deadline, shown
            time.sleep(0.3)
        assert working.wait(90) == 0, working.stderr.read()
    finally:
        if working.poll() is None:
            working.kill()
            working.wait()
        working.stderr.close()
    platform.env["NEUROCAAS_HOME"] = home
    assert on_s3.document(job, "job.json")["status"] == "succeeded"


def test_a_damaged_output_is_found_and_said(on_s3):
    """An object that is there is never replaced: people have to remove what somebody damaged."""
    platform = on_s3.platform
    job = platform.job("damaged", platform.put("a\n"))
    platform.reconcile()
    _, digest, _ = on_s3.document(job, "runs", "001-work", "record.json")["outputs"][0]
    key = f"lab/blobs/sha256/{digest[:2]}/{digest}"
    on_s3.s3.put_object(
        Bucket=on_s3.bucket, Key=key, Body=b"not it", ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    done = platform.reconcile("--verify", code=16)
    assert "does not have its digest" in done.stderr
    on_s3.s3.delete_object(Bucket=on_s3.bucket, Key=key)
    platform.reconcile("--verify")
    assert on_s3.s3.head_object(Bucket=on_s3.bucket, Key=key)["Metadata"]["sha256"] == digest


def test_what_is_of_one_group_is_out_of_reach_for_another(on_s3):
    """Digests are public, they stand in manifests: whoever knows one must not get the content."""
    platform = on_s3.platform
    platform.write(
        "registry/groups/other-lab.yaml",
        {"schema": "neurocaas/group/v1", "name": "other-lab", "title": "Other", "budget_usd": 100,
         "members": ["ada"]},
    )  # fmt: skip
    platform.env["NEUROCAAS_GROUP"] = "example-lab"
    data = platform.put("secret\n")
    mine = platform.job("mine", data)
    theirs = platform.job("theirs", data, group="other-lab")
    platform.reconcile("--no-certify")
    assert {key.split("/")[1] for key in on_s3.keys("")} == {"groups"}
    assert {key.split("/")[2] for key in on_s3.keys("groups/")} == {"example-lab"}
    assert theirs not in platform.run("status", "--no-fetch").stdout
    assert "not of group" in platform.run("status", "--no-fetch", theirs, code=2).stderr
    refused = platform.reconcile("--no-certify", "theirs", code=16)
    assert "the job is of group other-lab" in refused.stderr
    platform.env["NEUROCAAS_GROUP"] = "other-lab"
    refused = platform.reconcile("--no-certify", code=16)
    assert "not in the store" in refused.stderr
    assert platform.run("data", "ls").stdout == ""
    assert mine not in platform.run("status", "--no-fetch").stdout
    # With the data, but without the results of the others: computed, not taken.
    platform.run("data", "put", str(platform.repo.parent / "d000.txt"))
    platform.reconcile("--no-certify")
    key = f"lab/groups/other-lab/state/jobs/{theirs}/runs/001-work/record.json"
    record = json.loads(on_s3.s3.get_object(Bucket=on_s3.bucket, Key=key)["Body"].read())
    assert record["status"] == "succeeded"
    assert record["taken_from"] is None
    platform.env["NEUROCAAS_GROUP"] = "../other-lab"
    assert "not the name of a group" in platform.run("data", "ls", code=2).stderr


def test_a_killed_reconcile_is_taken_over_from_another_machine(on_s3):
    """Nothing of the dead one is in the way for longer than its claims were lent."""
    platform = on_s3.platform
    job = platform.job("orphan", platform.put("a\n"), parameters={"seconds": 5})
    working = platform.start("reconcile", "--no-fetch", "--no-certify")
    try:
        deadline = time.monotonic() + 60
        while not on_s3.keys(f"state/jobs/{job}/runs/001-work/log"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        working.kill()
        working.wait()
        working.stderr.close()
    on_s3.elsewhere()
    began = time.monotonic()
    platform.reconcile("--no-certify")
    assert time.monotonic() - began > 30, "the claim was lent for a minute"
    record = on_s3.document(job, "runs", "001-work", "record.json")
    assert (record["status"], record["attempt"]) == ("succeeded", 2)
    shown = json.loads(platform.run("status", "--no-fetch", "--format", "json").stdout)
    assert shown["jobs"][0]["runs"][0]["state"] == "succeeded"
