"""What Batch says becomes words for people, and attempts become money."""

from __future__ import annotations

import pytest

from neurocaas_ci.executors.batch.words import (
    STATES,
    attempts_of,
    ended_reason,
    machine_of,
    placement_state,
    waiting_reason,
)


def test_every_state_of_batch_has_a_word():
    words = [placement_state(state) for state in STATES]
    assert words == ["queued", "queued", "queued", "running", "running", "ended", "ended"]


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("RUNNABLE", "", "it waits for a free machine"),
        ("PENDING", "", "it waits for the runs that it needs"),
        ("SUBMITTED", "", "it was just submitted"),
        ("RUNNABLE", "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - x", "AWS has no such machine free"),
        ("RUNNABLE", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - x", "it can never start"),
        ("RUNNABLE", "something new", "something new"),
    ],
)
def test_why_a_job_waits(status, reason, said):
    assert waiting_reason(status, reason).startswith(said)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (
            {"statusReason": "Host EC2 (instance i-1) terminated."},
            "its machine was taken away (a reclaimed spot instance, or one that broke) (Host EC2 (instance i-1) terminated.)",
        ),
        (
            {"statusReason": "Task failed to start", "container": {"reason": "CannotPullContainerError: no"}},
            "the worker's container image could not be pulled (Task failed to start; CannotPullContainerError: no)",
        ),
        (
            {"statusReason": "Essential container in task exited", "container": {"exitCode": 16}},
            "the worker ended with exit code 16 (Essential container in task exited)",
        ),
        (
            {"statusReason": "Job cancelled by JobStateTimeLimitAction due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"},
            "it can never start: no instance type of the queue has what it asks for; choose other hardware in the job (Job cancelled by JobStateTimeLimitAction due to reason: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT)",
        ),
        ({}, "AWS Batch gives no reason"),
    ],
)  # fmt: skip
def test_how_a_job_ended(job, said):
    assert ended_reason(job) == said


def test_each_attempt_is_paid_from_start_to_stop():
    job = {
        "attempts": [
            {
                "startedAt": 1_000_000, "stoppedAt": 1_000_000 + 1_800_000,
                "statusReason": "Host EC2 (instance i-1) terminated.",
                "container": {"containerInstanceArn": "arn:aws:ecs:r:1:container-instance/c/i-1"},
            },
            {
                "startedAt": 5_000_000, "stoppedAt": 5_000_000 + 3_600_000,
                "statusReason": "Essential container in task exited",
                "container": {"exitCode": 0},
            },
            {"statusReason": "Task failed to start", "container": {"reason": "CannotPull: x"}},
        ]
    }  # fmt: skip
    lost, done, never = attempts_of(job, 0.2)
    assert (lost.cost_usd, done.cost_usd, never.cost_usd) == (0.1, 0.2, 0.0)
    assert (lost.machine, lost.exit_code, done.exit_code) == ("i-1", None, 0)
    assert never.reason == "Task failed to start; CannotPull: x"
    assert attempts_of({}, 1.0) == ()


def test_a_machine_without_a_name_is_none():
    assert machine_of({}) == ""
