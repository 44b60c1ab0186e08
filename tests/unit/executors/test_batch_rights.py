"""Rights of a job's workers: of constant size, in one job, and within what IAM takes."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest

from neurocaas_ci.executors.batch.rights import job_rights, job_role, job_trust

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: inline policies of a role.
MOST = 10_240


def allowed(rights, action, key):
    """Tell whether a statement without a condition allows an action on an object."""
    return any(
        action in s["Action"] and any(fnmatchcase(f"arn:aws:s3:::{key}", r) for r in s["Resource"])
        for s in rights["Statement"]
        if "Condition" not in s
    )


def test_the_longest_names_fit_and_the_size_of_the_job_does_not_matter():
    job = "/".join(["a" * 39, "2026-11", "j" * 63])
    rights = job_rights("aws-us-gov", "b" * 63, "p" * 300, job, "c" * 20)
    assert len(json.dumps(rights, separators=(",", ":"))) < MOST
    assert len(job_role("s3://b/p", job)) <= 64
    assert job_trust("1")["Statement"][0]["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}


@pytest.mark.parametrize("prefix", ["", "platform/groups/lab"])
def test_a_job_reads_and_writes_what_is_its_own(prefix):
    base = f"bucket/{prefix}/" if prefix else "bucket/"
    rights = job_rights("aws", "bucket", prefix, "ada/2026-11/j", "c0")
    for key in ("cells/c0/contents/x", "state/jobs/ada/2026-11/j/runs/1/record.json",
                "locks/jobs/ada/2026-11/j/runs/1"):  # fmt: skip
        assert allowed(rights, "s3:GetObject", base + key)
        assert allowed(rights, "s3:PutObject", base + key)
    for key in ("state/jobs/ada/2026-11/j/aws-batch/1/0.json", "environments/sha256/aa/b"):
        assert allowed(rights, "s3:GetObject", base + key)
        assert not allowed(rights, "s3:PutObject", base + key)
    for key in ("cells/c1/contents/x", "blobs/sha256/aa/b", "state/jobs/ada/2026-11/j2/runs/1/x",
                "state/names/x", "state/results/aa/b", "cells/c00/x"):  # fmt: skip
        assert not allowed(rights, "s3:GetObject", base + key), key
        assert not allowed(rights, "s3:PutObject", base + key), key


def test_two_stores_and_two_jobs_have_roles_of_their_own():
    names = {
        job_role(store, job) for store in ("s3://b/p", "s3://b/q") for job in ("a/1/x", "a/1/y")
    }
    assert len(names) == 4
