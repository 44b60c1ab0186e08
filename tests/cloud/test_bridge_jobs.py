"""The stand-in for AWS Batch keeps the engine's promises, so that tests of ours mean something."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
from bridge.cloud import running

pytestmark = pytest.mark.slow

IMAGE = "worker@sha256:" + "a" * 64
RETRY = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onReason": "CannotPull*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


@pytest.fixture(scope="module")
def account():
    with running() as cloud:
        cloud.queue("test", "m5.xlarge", vcpus=12)
        cloud.host.images[IMAGE] = {"PATH": os.environ["PATH"]}
        yield cloud
    assert not cloud.host.processes


@pytest.fixture
def cloud(account):
    yield account
    account.engine.held.clear()
    account.host.pulls_to_fail.clear()
    assert account.left() == []


@pytest.fixture(scope="module")
def definition(account):
    return define(account)


def define(cloud, name="shell", **properties):
    return cloud.client("batch").register_job_definition(
        jobDefinitionName=name,
        type="container",
        parameters={"do": "true"},
        retryStrategy=RETRY,
        timeout={"attemptDurationSeconds": 60},
        containerProperties={
            "image": IMAGE,
            "command": ["sh", "-c", "Ref::do"],
            "resourceRequirements": [
                {"type": "VCPU", "value": "4"},
                {"type": "MEMORY", "value": "2048"},
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "/t", "awslogs-stream-prefix": "ada"},
            },
            **properties,
        },
    )["jobDefinitionArn"]


def submit(cloud, definition, do, name="job", size=0, **more):
    array = {"arrayProperties": {"size": size}} if size else {}
    return cloud.client("batch").submit_job(
        jobName=name,
        jobQueue="test",
        jobDefinition=definition,
        parameters={"do": do},
        **array,
        **more,
    )["jobId"]


def lines(cloud, job):
    (found,) = cloud.wait(job)
    stream = found["container"]["logStreamName"]
    events = cloud.client("logs").get_log_events(logGroupName="/t", logStreamName=stream)["events"]
    return [event["message"] for event in events]


def until_running(cloud, job, timeout=20):
    deadline = time.monotonic() + timeout
    while cloud.client("batch").describe_jobs(jobs=[job])["jobs"][0]["status"] != "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_command_runs_in_an_empty_folder_with_nothing_of_ours(cloud, definition, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    job = submit(cloud, definition, "ls | wc -l; env | sort; echo end")
    written = lines(cloud, job)
    assert written[0] == "0"
    assert written[-1] == "end"
    names = {line.partition("=")[0] for line in written[1:-1]}
    assert "AWS_BATCH_JOB_ID" in names
    assert not names & {"SECRET_OF_THE_HOST", "AWS_ACCESS_KEY_ID", "AWS_BATCH_JOB_ARRAY_INDEX"}
    (found,) = cloud.wait(job)
    assert found["status"] == "SUCCEEDED"
    (attempt,) = found["attempts"]
    assert attempt["container"]["exitCode"] == 0
    assert attempt["startedAt"] <= attempt["stoppedAt"]


def test_an_exit_code_fails_the_job_and_is_not_tried_again(cloud, definition):
    (found,) = cloud.wait(submit(cloud, definition, "exit 7"))
    assert found["status"] == "FAILED"
    assert [a["container"]["exitCode"] for a in found["attempts"]] == [7]
    assert found["statusReason"] == "Essential container in task exited"


def test_tasks_of_an_array_have_their_index_and_no_more_run_than_fit(cloud, definition):
    began = len(cloud.instances())
    job = submit(cloud, definition, "sleep 0.3; exit $AWS_BATCH_JOB_ARRAY_INDEX", size=6)
    (found,) = cloud.wait(job)
    assert found["status"] == "FAILED"
    codes = [cloud.wait(f"{job}:{i}")[0]["container"]["exitCode"] for i in range(6)]
    assert codes == list(range(6))
    assert len(cloud.instances()) - began == 6
    assert max(cloud.engine.capacity.peak.values()) == 12


def test_n_to_n_starts_a_task_when_its_own_has_ended(cloud, definition):
    first = submit(cloud, definition, "sleep 0.$AWS_BATCH_JOB_ARRAY_INDEX; date +%s.%N", size=3)
    needs = [{"jobId": first, "type": "N_TO_N"}]
    second = submit(cloud, definition, "date +%s.%N", size=3, dependsOn=needs)
    assert [job["status"] for job in cloud.wait(first, second)] == ["SUCCEEDED"] * 2
    for index in range(3):
        before, after = (lines(cloud, f"{job}:{index}")[0] for job in (first, second))
        assert float(before) < float(after)


def test_a_job_on_an_array_waits_for_all_of_it_and_fails_with_one_of_it(cloud, definition):
    array = submit(cloud, definition, "sleep 0.2", size=3)
    join = submit(cloud, definition, "true", dependsOn=[{"jobId": array}])
    bad = submit(cloud, definition, "test $AWS_BATCH_JOB_ARRAY_INDEX != 1", size=3)
    never = submit(cloud, definition, "true", dependsOn=[{"jobId": bad}])
    each = submit(cloud, definition, "true", size=3, dependsOn=[{"jobId": bad, "type": "N_TO_N"}])
    joined, refused, _ = cloud.wait(join, never, each)
    assert joined["status"] == "SUCCEEDED"
    assert joined["startedAt"] >= max(cloud.wait(f"{array}:{i}")[0]["stoppedAt"] for i in range(3))
    assert (refused["status"], refused["statusReason"]) == ("FAILED", "Dependent Job failed")
    assert refused["attempts"] == []
    states = [cloud.wait(f"{each}:{i}")[0]["status"] for i in range(3)]
    assert states == ["SUCCEEDED", "FAILED", "SUCCEEDED"]


def test_time_is_up(cloud, definition):
    job = submit(cloud, definition, "sleep 60", timeout={"attemptDurationSeconds": 60})
    until_running(cloud, job)
    cloud.client("batch").terminate_job(jobId=job, reason="enough")
    short = submit(cloud, definition, "exec sleep 50", timeout={"attemptDurationSeconds": 1})
    ended, late = cloud.wait(job, short)
    assert ended["statusReason"] == "enough"
    assert late["statusReason"] == "Job attempt duration exceeded timeout"
    assert [a["container"]["exitCode"] for a in late["attempts"]] == [143]


def test_a_reclaimed_instance_gives_a_second_attempt(cloud, definition):
    job = submit(cloud, definition, 'test $AWS_BATCH_JOB_ATTEMPT = 2 || sleep 60; echo "done"')
    until_running(cloud, job)
    lost = cloud.reclaim(job)
    (found,) = cloud.wait(job)
    assert found["status"] == "SUCCEEDED"
    reasons = [attempt["statusReason"] for attempt in found["attempts"]]
    assert reasons == [
        f"Host EC2 (instance {lost}) terminated.",
        "Essential container in task exited",
    ]
    assert len(cloud.instances(job)) == 2


def test_a_pull_that_fails_is_tried_again_and_one_that_always_fails_ends(cloud, definition):
    cloud.host.pulls_to_fail[IMAGE] = 1
    (found,) = cloud.wait(submit(cloud, definition, "true"))
    assert found["status"] == "SUCCEEDED"
    assert found["attempts"][0]["container"]["reason"].startswith("CannotPullContainerError")
    unknown = define(cloud, "unknown", image="nobody/knows@sha256:0")
    (found,) = cloud.wait(submit(cloud, unknown, "true"))
    assert (found["status"], len(found["attempts"])) == ("FAILED", 3)


def test_terminating_an_array_ends_what_runs_and_what_waits(cloud, definition):
    array = submit(cloud, definition, "sleep 60 & sleep 60", size=5)
    after = submit(cloud, definition, "true", dependsOn=[{"jobId": array}])
    until_running(cloud, f"{array}:0")
    cloud.client("batch").terminate_job(jobId=array, reason="user asked")
    cloud.client("batch").terminate_job(jobId=after, reason="user asked")
    for job in cloud.wait(*(f"{array}:{i}" for i in range(5)), after):
        assert (job["status"], job["statusReason"]) == ("FAILED", "user asked")


def test_what_never_fits_stays_runnable_and_says_why(cloud):
    requirements = [{"type": "VCPU", "value": "64"}, {"type": "MEMORY", "value": "2048"}]
    big = define(cloud, "big", resourceRequirements=requirements)
    job = submit(cloud, big, "true")
    deadline = time.monotonic() + 10
    while True:
        found = cloud.client("batch").describe_jobs(jobs=[job])["jobs"][0]
        if found["status"] == "RUNNABLE":
            break
        assert time.monotonic() < deadline
    assert found["statusReason"].startswith("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE")
    cloud.client("batch").terminate_job(jobId=job, reason="does not fit")
    cloud.wait(job)


def test_a_job_has_the_credentials_of_its_role_and_no_others(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="data")
    for key in ("mine/a", "theirs/a"):
        s3.put_object(Bucket="data", Key=key, Body=b"x")
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/mine/*"}
    role = cloud.role("job", "ecs-tasks.amazonaws.com", [allow])
    definition = define(cloud, "with-role", jobRoleArn=role)
    cloud.enforce(on=True)
    try:
        get = "import boto3, sys; boto3.client('s3').get_object(Bucket='data', Key=sys.argv[1])"
        mine, theirs = (
            submit(cloud, definition, f'python3 -c "{get}" {key}') for key in ("mine/a", "theirs/a")
        )
        good, bad = cloud.wait(mine, theirs)
        assert (good["status"], bad["status"]) == ("SUCCEEDED", "FAILED")
        assert "AccessDenied" in "\n".join(lines(cloud, theirs))
    finally:
        cloud.enforce(on=False)


def _alive():
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and Path(f"/proc/{entry}/stat").read_text().split()[2] != "Z":
                yield int(entry)


def test_closing_ends_everything():
    with running() as cloud:
        cloud.host.grace = 0.5
        cloud.queue("test", "m5.xlarge", vcpus=8)
        cloud.host.images[IMAGE] = {"PATH": os.environ["PATH"]}
        job = submit(cloud, define(cloud), "trap '' TERM; sleep 60 & sleep 60", size=4)
        until_running(cloud, f"{job}:0")
        pids = list(cloud.host.processes)
    assert pids
    assert not cloud.host.processes
    assert not [pid for pid in _alive() if os.getpgid(pid) in pids]
