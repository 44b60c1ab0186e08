"""Jobs on AWS Batch: the real runner, the real worker, instances that come and go."""

from __future__ import annotations

import json

import pytest
from waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_outputs_are_those_of_a_run_here(world):
    platform = world.platform
    data = platform.put("alpha", "beta", "gamma")
    away = world.job("away", data)
    done = world.reconcile("--no-cache")
    # Here: another store, no cloud at all.
    for name in [name for name in platform.env if name.startswith(("AWS_", "NEUROCAAS_STORE"))]:
        del platform.env[name]
    platform.put("alpha", "beta", "gamma")
    here = world.job("here", data, hardware={"work": "laptop"})
    platform.reconcile("--no-cache")
    assert world.job_record(away)["status"] == "succeeded"
    ours, theirs = platform.records(here), world.records(away)
    assert ours.keys() == theirs.keys()
    for run in ours:
        assert ours[run]["outputs"] == theirs[run]["outputs"]
        assert theirs[run]["taken_from"] is None
        assert theirs[run]["machine"]
        use = theirs[run]["machine"]["first_use"]
        assert (use["first"], use["before"]) == (True, 0)
    assert "001-work: first use" in platform.run("inspect", away).stdout
    assert "3 runs submitted" in done.stderr
    assert len(world.handles(away)) == 1
    assert len(world.cloud.instances()) >= 3


def submitted(world, job):
    """Wait until Batch has the first array of a job; return its id."""
    return until(lambda: world.handles(job))[0]


def test_a_chain_and_an_ensemble_are_arrays_that_wait_for_each_other(world):
    platform = world.platform
    data = platform.put("one", "two")
    chain = world.job("chained", data, blueprint="cloud-chain")
    ensemble = world.job("together", data[:1], blueprint="cloud-ensemble")
    done = world.reconcile("--no-cache")
    assert world.job_record(chain)["status"] == "succeeded", done.stderr
    assert world.job_record(ensemble)["status"] == "succeeded"
    assert [len(s["runs"]) for s in world.journal(chain)] == [2, 2]
    assert [len(s["runs"]) for s in world.journal(ensemble)] == [2, 1]
    assert set(world.records(chain)) == {"001-one", "002-one", "001-two", "002-two"}


def test_a_workflow_that_fails_is_recorded_once_and_its_dependents_are_skipped(world):
    platform = world.platform
    data = platform.put("fine", "fail here")
    job = world.job("odd", data, blueprint="cloud-chain", parameters={"mode": "odd"})
    done = world.reconcile("--no-cache", code=12)
    states = {run: record["status"] for run, record in world.records(job).items()}
    assert states == {
        "001-one": "succeeded", "001-two": "succeeded", "002-one": "failed", "002-two": "skipped",
    }, done.stderr  # fmt: skip
    assert world.records(job)["002-one"]["exit_code"] == 4
    first = world.handles(job)[0]
    (failed,) = world.cloud.wait(f"{first}:1")
    assert [a["container"]["exitCode"] for a in failed["attempts"]] == [12]


def test_a_reclaimed_machine_is_replaced_and_the_result_is_the_same(world):
    platform = world.platform
    data = platform.put("spot")
    job = world.job("cheap", data, pricing="save", parameters={"seconds": 4})
    runner = world.start()
    try:
        handle = submitted(world, job)
        until(lambda: world.has_started(job, "001-work"))
        lost = world.cloud.reclaim(handle)
        assert runner.wait(120) == 0, runner.stderr.read()
    finally:
        runner.kill()
    record = world.records(job)["001-work"]
    assert (record["status"], record["attempt"]) == ("succeeded", 2)
    (ended,) = world.cloud.wait(handle)
    assert len(ended["attempts"]) == 2
    assert len(world.handles(job)) == 1
    kept = world.document(f"jobs/{job}/runs/001-work/attempts.json")
    (batch_job,) = kept["jobs"]
    assert [a["machine"] == lost for a in batch_job["attempts"]] == [True, False]
    assert kept["usd_per_hour"] == 0.036
    costs = [attempt["cost_usd"] for attempt in batch_job["attempts"]]
    assert min(costs) > 0
    assert kept["cost_usd"] == pytest.approx(sum(costs))
    # The machine that was taken away was paid for as well.
    assert world.job_record(job)["costs_usd"] == {"001-work": kept["cost_usd"]}
    assert world.job_record(job)["cost_usd"] == kept["cost_usd"]
    certificate = json.loads(platform.run("inspect", job, "--format", "json").stdout)
    assert certificate["notes"]["job-record.json"]["cost_usd"] == kept["cost_usd"]
    assert certificate["notes"]["records/001-work.json"]["cost_usd"] == kept["cost_usd"]
    assert certificate["notes"]["records/001-work.json"]["attempts"] == 2
    budget = json.loads(platform.run("budget", "--no-fetch", "--format", "json").stdout)
    assert [round(a["spent_usd"], 6) for a in budget["accounts"] if a["name"] == "ada"] == [
        pytest.approx(kept["cost_usd"], abs=2e-6)
    ]
    lives = [i["InstanceLifecycle"] for i in world.cloud.instances(handle)]
    assert lives == ["spot", "spot"]


def test_a_runner_that_is_killed_loses_and_repeats_nothing(world):
    platform = world.platform
    # Longer than a busy machine takes to begin a second pass.
    job = world.job("long", platform.put("a", "b"), parameters={"seconds": 20})
    runner = world.start()
    handle = submitted(world, job)
    # By now it has let go of the submission; one that dies with it is waited for (test_batch_crashes).
    until(lambda: world.has_started(job, "001-work"))
    runner.kill()
    runner.wait(10)
    done = world.reconcile("--no-cache")
    assert "2 runs are with AWS Batch already" in done.stderr
    assert world.handles(job) == [handle]
    assert {r["attempt"] for r in world.records(job).values()} == {1}


def test_a_cancelled_job_ends_in_batch_and_in_the_books(world):
    platform = world.platform
    job = world.job("regretted", platform.put("a", "b"), parameters={"seconds": 50})
    runner = world.start()
    try:
        handle = submitted(world, job)
        until(lambda: world.has_started(job, "001-work"))
        manifest = platform.repo / f"registry/jobs/{job}.yaml"
        manifest.write_text(manifest.read_text() + "cancelled: {reason: wrong data}\n")
        platform.commit("Cancel it")
        runner.wait(120)
        said = runner.stderr.read()
    finally:
        runner.kill()
    states = {record["status"] for record in world.records(job).values()}
    assert states == {"cancelled"}, said
    assert world.job_record(job)["status"] == "cancelled"
    for task in world.cloud.wait(f"{handle}:0", f"{handle}:1"):
        assert task["statusReason"] == "the job was cancelled"


def test_jobs_that_batch_has_lost_are_submitted_again(world):
    platform = world.platform
    job = world.job("forgotten", platform.put("a"), parameters={"seconds": 1})
    world.cloud.engine.held.add("neurocaas-m5-large-standard")
    try:
        world.reconcile("--no-wait", code=16)
        (first,) = world.handles(job)
        world.cloud.forget(first)
        done = world.reconcile("--no-wait", code=16)
    finally:
        world.cloud.engine.held.clear()
        world.cloud.engine.wake()
    assert "AWS Batch does not know it any more; submitted again" in done.stderr
    world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded"
    assert len(world.handles(job)) == 2


def test_why_a_job_does_not_start_is_said(world):
    job = world.job("waiting", world.platform.put("a"))
    world.cloud.engine.held.add("neurocaas-m5-large-standard")
    try:
        world.reconcile("--no-wait", code=16)
        handle = submitted(world, job)
        until(lambda: world.cloud.status(handle) == "RUNNABLE")
        done = world.reconcile("--no-wait", code=16)
    finally:
        world.cloud.engine.held.clear()
        world.cloud.engine.wake()
    assert f"queued in AWS Batch as {handle}: it waits for a free machine" in done.stderr
    world.cloud.wait(handle)
    # Only a runner that sees the job to its end takes away what the job had for itself.
    world.reconcile("--no-cache")


def test_what_is_missing_is_named(world):
    del world.platform.env["NEUROCAAS_BATCH_IMAGE"]
    world.job("unset", world.platform.put("a"))
    done = world.reconcile(code=2)
    assert "AWS Batch needs NEUROCAAS_BATCH_IMAGE" in done.stderr


def test_a_queue_that_is_not_there_is_named(world):
    world.closed = False
    world.job("unmade", world.platform.put("a"), hardware={"work": "m5.xlarge"})
    done = world.reconcile(code=16)
    assert "Job queue neurocaas-m5-xlarge-standard does not exist" in done.stderr
    assert "neurocaas deploy" in done.stderr


def test_what_a_worker_said_that_recorded_nothing_is_in_the_logs(world):
    job = world.job("blind", world.platform.put("a"))
    # An image whose worker finds no place for its cache.
    inside = dict(world.cloud.host.images[world.image])
    world.cloud.host.images[world.image] = {**inside, "NEUROCAAS_CACHE": "/proc/nowhere"}
    done = world.reconcile("--no-cache", code=16)
    assert "no result: the worker ended with exit code 2" in done.stderr
    shown = world.platform.run("logs", "--no-fetch", "blind")
    assert "/proc/nowhere" in shown.stdout
    world.cloud.host.images[world.image] = inside
    world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded"
    assert [len(s["runs"]) for s in world.journal(job)] == [1, 1]


def test_a_machine_without_images_has_them_from_the_store(world):
    job = world.job("bare", world.platform.put("a"))
    inside = dict(world.cloud.host.images[world.image])
    del inside["NEUROCAAS_CACHE"]
    world.state.erase(world.mark)
    world.cloud.host.images[world.image] = inside
    done = world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded", done.stderr
