"""What the workers of a job reach: their own job, and nothing else of their group."""

from __future__ import annotations

import io

import boto3
import pytest
from botocore.exceptions import ClientError
from bridge.cloud import REGION
from waiting import until

from neurocaas_ci.executors.batch.rights import job_role
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.stores.s3_blobs import S3Blobs
from neurocaas_ci.stores.s3_cell import FOLDER, S3Cell, cell_id, cell_place
from neurocaas_ci.stores.s3_client import S3Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

QUEUE = "neurocaas-m5-large-standard"


def worker_of(world, job):
    """Return an S3 client with the credentials that Batch gives to the workers of a job."""
    name = job_role(f"s3://{world.bucket}/{world.prefix}", job)
    role = world.cloud.client("iam").get_role(RoleName=name)["Role"]
    found = world.cloud.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="task")
    keys = found["Credentials"]
    return boto3.client(
        "s3", endpoint_url=world.cloud.endpoint, region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


def refused(call, **arguments):
    """Tell whether AWS says that this is not allowed."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return False


def test_a_worker_reaches_its_own_job_and_nothing_of_another(world):
    mine, theirs = world.put("mine"), world.put("theirs")
    job, other = world.job("own", mine), world.job("other", theirs)
    world.cloud.engine.held.add(QUEUE)
    try:
        world.reconcile("--no-cache", "--no-wait", code=16)
        s3 = worker_of(world, job)

        def key(name):
            return {"Bucket": world.bucket, "Key": f"{world.prefix}/{name}"}

        def content(entry, folder):
            digest = entry["sha256"]
            return key(f"{folder}/sha256/{digest[:2]}/{digest}")

        own, alien = f"cells/{cell_id(job)}/{FOLDER}", f"cells/{cell_id(other)}/{FOLDER}"
        assert s3.get_object(**content(mine[0], own))["Body"].read() == b"mine"
        for place in (content(theirs[0], alien), content(theirs[0], "blobs"),
                      content(mine[0], "blobs")):  # fmt: skip
            assert refused(s3.get_object, **place)
            assert refused(s3.head_object, **place)
        # Digests are public. One that is asked for in the own cell is not there.
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(**content(theirs[0], own))
        assert s3.get_object(**key(f"state/jobs/{job}/aws-batch/1/0.json"))
        for name in (f"state/jobs/{other}/aws-batch/1/0.json", f"state/jobs/{other}/plan.json",
                     f"state/names/{theirs[0]['uri'].removeprefix('store:')}"):  # fmt: skip
            assert refused(s3.get_object, **key(name)), name
        s3.put_object(**key(f"state/jobs/{job}/runs/001-work/probe"), Body=b"x")
        s3.delete_object(**key(f"state/jobs/{job}/runs/001-work/probe"))
        for name in (
            f"state/{records.record_key(other, '001-work')}", f"locks/jobs/{other}/runs/001-work",
            f"{alien}/sha256/aa/x", "blobs/sha256/aa/x", "environments/sha256/aa/x",
            f"state/jobs/{job}/aws-batch/1/0.json", f"state/{records.plan_key(job)}",
            f"state/{records.job_key(job)}", "state/results/aa/x", "state/names/x",
            # Another job whose name only begins like this one's.
            f"state/jobs/{job}-2/runs/001-work/record.json",
        ):  # fmt: skip
            assert refused(s3.put_object, **key(name), Body=b"x"), name
            assert refused(s3.delete_object, **key(name)), name
        for prefix in ("", f"{world.prefix}/", f"{world.prefix}/state/jobs/{other}/"):
            assert refused(s3.list_objects_v2, Bucket=world.bucket, Prefix=prefix), prefix
    finally:
        world.cloud.engine.held.clear()
        world.cloud.engine.wake()
    done = world.reconcile("--no-cache")
    assert {world.job_record(j)["status"] for j in (job, other)} == {"succeeded"}, done.stderr
    # What nobody needs any more is gone, and what was left is where everybody finds it.
    assert refused_or_gone(world, job)
    output = world.records(job)["001-work"]["outputs"][0]
    stored = S3Blobs(world.bucket, world.prefix, world.cloud.client("s3"))
    assert stored.verify(output[1], output[2])


def refused_or_gone(world, job):
    try:
        worker_of(world, job)
    except ClientError:
        return True
    return False


def test_a_result_of_another_job_is_taken_before_a_machine_is_started(world):
    data = world.put("same")
    first = world.job("first", data, blueprint="cloud-chain")
    world.reconcile()
    second = world.job("second", data, blueprint="cloud-chain")
    world.reconcile()
    assert world.handles(second) == []
    taken = {r["taken_from"] for r in world.records(second).values()}
    assert taken == {f"{first}#001-one", f"{first}#001-two"}
    # Half of it is there: only the other half is computed, in a cell that has what it needs.
    third = world.job("third", [*data, *world.put("new")], blueprint="cloud-chain")
    world.reconcile()
    assert [sorted(s["runs"]) for s in world.journal(third)] == [["002-one"], ["002-two"]]


def test_a_runner_that_is_killed_leaves_no_role_for_ever(world):
    job = world.job("killed", world.put("a", "b"), parameters={"seconds": 3})
    runner = world.start()
    until(lambda: world.handles(job))
    runner.kill()
    runner.wait(10)
    assert worker_of(world, job)
    world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded"
    assert refused_or_gone(world, job)


def test_what_a_worker_leaves_is_looked_at_before_it_is_believed(world, tmp_path):
    s3 = world.cloud.client("s3")
    place = cell_place(S3Place(world.bucket, world.prefix), cell_id("a/b/c"))
    main = S3Blobs(world.bucket, world.prefix, s3)
    inside = S3Blobs(*place, s3, folder=FOLDER)
    cell = S3Cell(place, s3, main, inside, part_size=5 << 20)
    good = inside.put(io.BytesIO(b"good"))
    s3.put_object(Bucket=world.bucket, Key=inside.key("f" * 64), Body=b"no such digest")
    assert not cell.take("f" * 64, 14)
    assert not main.verify("f" * 64, 14)
    assert not cell.take(good.sha256, 5)
    assert cell.take(good.sha256, good.size)
    assert main.verify(good.sha256, good.size)
    large = inside.put(io.BytesIO(bytes(range(256)) * (48 << 10)))
    assert cell.take(large.sha256, large.size)
    with main.open(large.sha256) as stream:
        assert len(stream.read()) == large.size
    assert cell.take(large.sha256, large.size)
    cell.clear()
    assert cell.empty()
    for blob in (good, large):
        main.erase(blob.sha256)
    assert isinstance(Home(tmp_path, store=f"s3://{world.bucket}/x").cell_of("a/b/c"), S3Cell)


def test_inputs_that_shall_not_stay_are_gone_in_every_version(world):
    s3 = world.cloud.client("s3")
    on = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=world.bucket, VersioningConfiguration=on)
    data = world.put("secret")
    job = world.job("secret", data, keep_inputs=False)
    done = world.reconcile("--no-cache")
    assert "1 inputs deleted, as its manifest asks" in done.stderr
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=world.bucket)
    left = [
        v["Key"]
        for page in pages
        for v in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        if data[0]["sha256"] in v["Key"] or "/cells/" in v["Key"]
    ]
    assert left == []
    assert world.document(f"jobs/{job}/inputs-removed.json")["inputs"][0]["state"] == "removed"


def test_no_more_runs_at_once_than_the_blueprint_allows_whatever_array_they_are_of(world):
    data = world.put("a", "b", "c")
    job = world.job("narrow", data, blueprint="cloud-narrow", parameters={"seconds": 1})
    world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded"
    assert [len(s["runs"]) for s in world.journal(job)] == [3, 3]
    known = world.cloud.engine.consumables
    names = {known.wanted[s["name"]] for s in world.journal(job)}
    # Two arrays, one limit, which was reached and is gone.
    assert [known.peak[name] for name in names] == [2]
    assert not names & set(known.total)
