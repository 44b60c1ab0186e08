"""What Batch is asked for on Fargate is what it takes there, and what it would not take is never asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_batch_requests import BIG, SETTINGS, spec

from neurocaas_ci.errors import BackendUnavailableError, NeurocaasError, UsageError
from neurocaas_ci.executors.batch.fargate import check_task, disk_of
from neurocaas_ci.executors.batch.requests import TASK_RETRIES, job_definition
from neurocaas_ci.executors.batch.words import attempts_of, ended_reason
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.fargate import DISKS, LONGEST, disk_for
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import InputFile

GIB = 1 << 30
TASK = Hardware(
    "fargate-4vcpu-16gb", "aws", 4, 16 * GIB, 0, 0.23, None, "list", "2026-11-29", "fargate"
)
ROLE = "arn:aws:iam::1:role/execution"


def check(run, machine=TASK, *, accepted=True, role=ROLE, longest=3600):
    check_task(run, machine, accepted=accepted, execution_role=role, longest=longest)


def test_the_definition_has_a_size_that_is_sold_and_nothing_of_a_host():
    settings = replace(SETTINGS, execution_role=ROLE, task_isolation="chroot")
    made = job_definition(settings, TASK, "ada", 50)
    container = made["containerProperties"]
    assert made["platformCapabilities"] == ["FARGATE"]
    assert made["retryStrategy"] == TASK_RETRIES
    assert container["resourceRequirements"] == [
        {"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "16384"},
    ]  # fmt: skip
    assert container["executionRoleArn"] == ROLE
    assert container["ephemeralStorage"] == {"sizeInGiB": 50}
    assert container["networkConfiguration"] == {"assignPublicIp": "ENABLED"}
    assert not {"privileged", "volumes", "mountPoints", "ulimits"} & container.keys()
    assert container["command"][:4] == ["neurocaas", "worker", "--isolation", "chroot"]
    names = {entry["name"] for entry in container["environment"]}
    assert names == {"NEUROCAAS_STORE"}


@pytest.mark.parametrize(
    ("accepted", "of_instances", "of_tasks"),
    [
        (None, "sandbox", None),
        (None, "none", "none"),
        ("chroot", "sandbox", "chroot"),
        ("chroot", "none", "chroot"),
        ("none", "sandbox", "none"),
    ],
)
def test_what_is_accepted_of_tasks_says_nothing_of_instances(accepted, of_instances, of_tasks):
    settings = replace(SETTINGS, isolation=of_instances, task_isolation=accepted)
    assert settings.of_tasks == of_tasks
    made = job_definition(settings, BIG, "ada")["containerProperties"]
    assert made["command"][3] == of_instances


def test_a_task_that_is_taken_back_and_an_image_that_cannot_be_pulled_are_tried_again():
    rules = TASK_RETRIES["evaluateOnExit"]
    assert [rule["action"] for rule in rules] == ["RETRY", "RETRY", "RETRY", "EXIT"]
    assert "Your Spot Task was interrupted.".startswith(rules[0]["onStatusReason"].rstrip("*"))
    assert not any("Host EC2" in str(rule) for rule in rules)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"accepted": False}, UsageError, "no workflow can be sandboxed"),
        ({"role": ""}, UsageError, "a role that pulls its image"),
        ({"machine": TASK._replace(memory=15 * GIB + 1)}, BackendUnavailableError, "no task like"),
        ({"machine": TASK._replace(gpus=1)}, BackendUnavailableError, "no GPU"),
        ({"machine": BIG}, BackendUnavailableError, "no task like m5.16xlarge"),
        ({"longest": LONGEST + 1}, BackendUnavailableError, "after 1209600 seconds"),
    ],
)
def test_what_cannot_be_a_task_is_refused_before_it_is_submitted(changed, error, words):
    check(spec("001-one"))
    with pytest.raises(error, match=words) as raised:
        check(spec("001-one"), **changed)
    assert isinstance(raised.value, NeurocaasError)
    assert raised.value.hint


def test_the_disk_is_of_the_largest_run_of_an_array():
    small = RunLimits(output_size=10**9, tmp_size=10**8, log_size=10**6)
    first = spec("001-one", limits=small)
    recording = InputFile("d.bin", Sha256("b" * 64), 40 * 10**9)
    second = spec("002-one", limits=small, inputs=(recording,))
    joining = spec("join", limits=small, needs={str(k): str(k) for k in range(80)})
    assert disk_of([first]) == 50
    assert disk_of([first, second]) == 100
    assert disk_of([joining]) == 200
    vast = spec("003-one", limits=small._replace(output_size=10**12))
    with pytest.raises(BackendUnavailableError, match="GiB of disk, a task of Fargate has 200"):
        disk_of([first, vast])


def test_storage_is_given_in_three_sizes():
    assert [disk_for(disk * GIB) for disk in DISKS] == list(DISKS)
    assert disk_for(50 * GIB + 1) == 100
    assert disk_for(200 * GIB + 1) is None


def test_a_task_is_the_machine_of_its_attempt():
    container = {"taskArn": "arn:aws:ecs:r:1:task/cluster/abc", "exitCode": 0}
    job = {"attempts": [{"startedAt": 1000, "stoppedAt": 37000, "container": container}]}
    (attempt,) = attempts_of(job, 1.0)
    assert (attempt.machine, attempt.cost_usd) == ("abc", 0.01)
    assert attempt.instance == {"id": "abc", "type": "fargate"}
    told = ended_reason({"statusReason": "Your Spot Task was interrupted."})
    assert told.startswith("its task was taken away")
