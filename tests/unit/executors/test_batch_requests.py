"""What AWS Batch is asked for: within its limits, the same whoever asks, nothing tried again in vain."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from neurocaas_ci.executors.arrays import job_arrays
from neurocaas_ci.executors.batch.requests import (
    MAX_ARRAY,
    RETRIES,
    Settings,
    job_definition,
    job_name,
    submission,
    timeout,
    usable_memory,
)
from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.cloud_names import queue_name
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.run import RunSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
SETTINGS = Settings("worker@sha256:1", "arn:aws:iam::1:role/jobs", "s3://bucket/p", "/logs")
BIG = Hardware("m5.16xlarge", "aws", 64, 256 << 30, 0, 3.072, 1.1, "list", "2026-11-23")


def spec(run, step="one", needs=None, **changes):
    given = RunSpec(
        job="ada/2026-11/j", run=run, step=step, image=Sha256("a" * 64), command=("x",),
        environment={}, config={}, inputs=(), needs=needs or {}, outputs_required=(),
        limits=RunLimits(), max_runtime=60, hardware="m5.16xlarge", determinism="none",
    )  # fmt: skip
    return given._replace(**changes)


def request(array, needed=()):
    return submission(array, "n", "q", "d", "jobs/j/aws-batch/1", list(needed))


@pytest.mark.parametrize(
    "job", ["ada/2026-11/tracking-01", "a/2026-11/" + "x" * 300, "é/…/ü", "A_b/2026-11/J.k"]
)
def test_names_are_ones_that_batch_takes(job):
    name = job_name("s3://bucket/p", job, 12)
    assert NAME.fullmatch(name)
    assert name == job_name("s3://bucket/p", job, 12)


def test_names_differ_by_store_job_and_number_also_without_case():
    names = [
        job_name(store, job, number).lower()
        for store in ("s3://a/p", "s3://b/p")
        for job in ("ada/2026-11/x", "Ada/2026-11/x", "ada/2026-11-x", "ada/2026-11/" + "x" * 200)
        for number in (1, 2, 11)
    ]
    assert len(set(names)) == len(names)


def test_a_definition_is_named_by_its_content():
    one = job_definition(SETTINGS, BIG, "ada")
    assert one == job_definition(SETTINGS, BIG, "ada")
    assert NAME.fullmatch(one["jobDefinitionName"])
    others = [
        job_definition(replace(SETTINGS, image="worker@sha256:2"), BIG, "ada"),
        job_definition(replace(SETTINGS, role="other"), BIG, "ada"),
        job_definition(replace(SETTINGS, isolation="none"), BIG, "ada"),
        job_definition(SETTINGS, BIG._replace(vcpus=32), "ada"),
        job_definition(SETTINGS, BIG, "bob"),
    ]
    names = {d["jobDefinitionName"] for d in [one, *others]}
    assert len(names) == 1 + len(others)
    # A price is not part of what a job is.
    assert job_definition(SETTINGS, BIG._replace(price_standard=9.0), "ada") == one
    assert len(json.dumps(one)) < 24 << 10


def test_a_job_takes_the_whole_machine():
    needs = {
        need["type"]: need["value"]
        for need in job_definition(SETTINGS, BIG, "ada")["containerProperties"]["resourceRequirements"]
    }  # fmt: skip
    assert needs["VCPU"] == "64"
    # More than half: no second job fits, even if it asked for no processors.
    assert 128 << 10 < int(needs["MEMORY"]) == usable_memory(BIG) < 256 << 10
    gpu = job_definition(SETTINGS, BIG._replace(gpus=4), "ada")
    assert {"type": "GPU", "value": "4"} in gpu["containerProperties"]["resourceRequirements"]


def test_only_lost_machines_and_pulls_are_tried_again():
    rules = RETRIES["evaluateOnExit"]
    assert RETRIES["attempts"] == 3
    assert [r["action"] for r in rules] == ["RETRY", "RETRY", "RETRY", "EXIT"]
    assert rules[-1]["onReason"] == "*"


def test_time_limits_are_above_the_worker_s_own():
    assert timeout(1) >= 60
    assert timeout(3600) > 3600


def test_queues_are_named_without_dots():
    assert queue_name("m5.16xlarge", "save") == "neurocaas-m5-16xlarge-save"


def test_a_chain_waits_task_by_task():
    first = [spec(f"{k}-one") for k in range(3)]
    second = [spec(f"{k}-two", "two", {"steps/one": f"{k}-one"}) for k in range(3)]
    arrays = job_arrays([*first, *second], MAX_ARRAY)
    asked = [request(arrays[0]), request(arrays[1], ["id-1"])]
    assert [a["arrayProperties"] for a in asked] == [{"size": 3}] * 2
    assert asked[0]["dependsOn"] == []
    assert asked[1]["dependsOn"] == [{"jobId": "id-1", "type": "N_TO_N"}]
    assert asked[0]["parameters"] == {"spec": "state:jobs/j/aws-batch/1/%a.json"}


def test_an_ensemble_waits_for_the_whole_array_and_is_an_ordinary_job():
    fits = [spec(f"fit-{k}") for k in range(4)]
    join = spec("join", "two", {f"steps/{k}": f"fit-{k}" for k in range(4)})
    arrays = job_arrays([*fits, join], MAX_ARRAY)
    asked = request(arrays[1], ["id-1", "elsewhere"])
    assert asked["dependsOn"] == [{"jobId": "id-1"}, {"jobId": "elsewhere"}]
    assert "arrayProperties" not in asked
    assert asked["parameters"] == {"spec": "state:jobs/j/aws-batch/1/0.json"}


def test_one_after_one_is_an_ordinary_dependency():
    arrays = job_arrays([spec("a"), spec("b", "two", {"steps/one": "a"})], MAX_ARRAY)
    assert request(arrays[1], ["id-1"])["dependsOn"] == [{"jobId": "id-1"}]


def test_more_dependencies_than_batch_takes_are_refused():
    (array,) = job_arrays([spec("a")], MAX_ARRAY)
    with pytest.raises(ValueError, match="21 dependencies"):
        request(array, [f"id-{k}" for k in range(21)])


def test_arrays_are_cut_at_the_limit():
    specs = [spec(f"r{k}") for k in range(25_000)]
    assert [len(a.specs) for a in job_arrays(specs, MAX_ARRAY)] == [10_000, 10_000, 5_000]
