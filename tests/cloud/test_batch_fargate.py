"""Jobs in tasks of Fargate: sizes, isolation that is what it says, tasks that are taken back."""

from __future__ import annotations

import io
import json
import shutil

import pytest
import yaml
from aftermath import Baseline
from batch_world import ROOT
from waiting import until

from neurocaas_ci.model.digest import parse_sha256
from neurocaas_ci.stores.names import remember
from neurocaas_ci.stores.s3_blobs import S3Blobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

SIZE = "fargate-1vcpu-4gb"


@pytest.fixture(scope="module")
def tasks(account):
    """Two queues of Fargate beside those of instances."""
    for pricing in ("standard", "save"):
        name = f"neurocaas-{SIZE}-{pricing}"
        account.enforce(on=False)
        account.queue(name, "", vcpus=4, spot=pricing == "save")
        account.enforce(on=True)
    return account


@pytest.fixture
def fargate(tasks, world):
    """A world in which the analysis `cloud` may run in a task, which costs 0.36 USD an hour."""
    platform = world.platform
    hardware = platform.repo / f"registry/hardware/{SIZE}.yaml"
    text = (ROOT / f"registry/hardware/{SIZE}.yaml").read_text()
    before = text.partition("price_usd_per_hour:")[2].partition("\n")[0]
    hardware.write_text(text.replace(before, " {standard: 0.36, save: 0.12}"))
    blueprint = platform.repo / "registry/blueprints/cloud.yaml"
    blueprint.write_text(blueprint.read_text().replace("m5.xlarge", SIZE))
    platform.commit("Tasks of Fargate")
    # For the runner: on a platform that is deployed for groups it is known.
    name = f"execution-{world.prefix.rpartition('/')[2]}"
    role = world.cloud.role(name, "ecs-tasks.amazonaws.com", world.own)
    platform.env["NEUROCAAS_BATCH_EXECUTION_ROLE"] = role
    world.baseline = Baseline(world.cloud)
    return world


def accept(world, how="unsandboxed"):
    world.platform.env["NEUROCAAS_BATCH_FARGATE"] = how


def submit(world, name, **fields):
    data = world.platform.put(name)
    return world.job(name, data, hardware={"work": SIZE}, **fields)


def test_nobody_runs_without_a_sandbox_who_was_not_told_to(fargate):
    job = submit(fargate, "unasked")
    done = fargate.reconcile("--no-cache", code=None)
    assert done.returncode not in {0, 12}
    assert f"{SIZE} is a task of Fargate, where no workflow can be sandboxed" in done.stderr
    assert "NEUROCAAS_BATCH_FARGATE=chroot" in done.stderr
    assert fargate.handles(job) == []
    fargate.platform.env["NEUROCAAS_BATCH_FARGATE"] = "yes"
    wrong = fargate.reconcile("--no-cache", code=2)
    assert "'yes' says nothing about tasks of Fargate" in wrong.stderr
    assert "write chroot or unsandboxed" in wrong.stderr


@pytest.mark.parametrize(("how", "level"), [("unsandboxed", "none"), ("chroot", "chroot")])
def test_a_task_gives_the_same_outputs_and_says_that_it_had_no_sandbox(fargate, how, level):
    platform = fargate.platform
    accept(fargate, how)
    before = len(fargate.cloud.instances())
    data = platform.put("the same")
    away = fargate.job("away", data, hardware={"work": SIZE})
    fargate.reconcile("--no-cache")
    assert len(fargate.cloud.instances()) == before
    here = fargate.job("instance", data)
    fargate.reconcile("--no-cache")
    (run,), (other,) = fargate.records(away).values(), fargate.records(here).values()
    assert run["outputs"] == other["outputs"]
    assert (run["isolation"]["level"], other["isolation"]["level"]) == (level, "sandbox")
    assert run["isolation"]["network"] is (level == "none")
    assert run["machine"]["launch"] == "fargate"
    assert "first_use" not in run["machine"]
    kept = fargate.document(f"jobs/{away}/runs/001-work/attempts.json")
    ((attempt,),) = [row["attempts"] for row in kept["jobs"]]
    assert attempt["instance"] == {"id": attempt["machine"], "type": "fargate"}
    seconds = (attempt["stopped"] - attempt["started"]) / 1000
    assert attempt["cost_usd"] == pytest.approx(seconds / 3600 * 0.36, abs=1e-6)
    (definition,) = [
        d
        for d in fargate.cloud.client("batch").describe_job_definitions()["jobDefinitions"]
        if d["jobDefinitionName"].startswith(f"neurocaas-{SIZE}")
        and d["containerProperties"]["image"] == fargate.image
    ]
    assert definition["platformCapabilities"] == ["FARGATE"]
    assert definition["containerProperties"]["ephemeralStorage"] == {"sizeInGiB": 50}


@pytest.mark.long
@pytest.mark.network
@pytest.mark.sandbox
@pytest.mark.timeout(600)
def test_a_shipped_analysis_runs_in_a_task_and_replays_here(fargate):
    """Its command names /inputs and /outputs itself, which only a root of its own can give it."""
    accept(fargate, "chroot")
    platform = fargate.platform
    shutil.copytree(ROOT / "iae/kalman-smoother", platform.repo / "iae/kalman-smoother")
    blueprint = yaml.safe_load((ROOT / "registry/blueprints/kalman-smoother.yaml").read_text())
    blueprint["steps"][0]["hardware"] = {"default": SIZE, "allowed": [SIZE]}
    platform.write("registry/blueprints/kalman-smoother.yaml", blueprint)
    platform.commit("Publish")
    # Every machine has the environment, as that of the probe.
    platform.run("build", "kalman-smoother", timeout=300)
    lock = yaml.safe_load((ROOT / "iae/kalman-smoother/iae.lock").read_text())
    fargate.state.write(f"environments/{parse_sha256(lock['image'])}", b"complete\n")
    (dataset,) = (ROOT / "iae/kalman-smoother/sample/dataset").iterdir()
    store = S3Blobs(fargate.bucket, fargate.prefix, fargate.cloud.client("s3"))
    blob = store.put(io.BytesIO(dataset.read_bytes()))
    remember(fargate.state, dataset.name, blob)
    given = [{"uri": f"store:{dataset.name}", "sha256": blob.sha256, "size": blob.size}]
    version = blueprint["version"]
    job = fargate.job(
        "tracking", given, blueprint="kalman-smoother", version=version, max_runtime="10m"
    )
    platform.run("reconcile", "--no-fetch", "--no-cache", "--executor", "aws-batch", timeout=300)
    (run,) = fargate.records(job).values()
    assert (run["status"], run["isolation"]["level"]) == ("succeeded", "chroot")
    assert {"metrics.json", "smoothed.npz", "figure.png"} < {path for path, *_ in run["outputs"]}
    assert "1 runs: chroot, no network" in platform.run("inspect", "tracking").stdout
    done = platform.audit("replay", "tracking", "--format", "json")
    replay = json.loads(done.stdout)
    assert replay["verdict"] == "identical", done.stderr


def test_a_task_that_is_taken_back_is_started_again(fargate):
    accept(fargate)
    job = submit(fargate, "spot", pricing="save", parameters={"seconds": 4})
    runner = fargate.start()
    try:
        handle = until(lambda: fargate.handles(job))[0]
        until(lambda: fargate.has_started(job, "001-work"))
        lost = until(lambda: task_of(fargate, handle))
        fargate.cloud.host.interrupted.add(lost)
        _, errors = runner.communicate(timeout=120)
    finally:
        runner.kill()
    assert runner.returncode == 0, errors
    kept = fargate.document(f"jobs/{job}/runs/001-work/attempts.json")
    first, second = kept["jobs"][0]["attempts"]
    assert first["machine"] == lost
    assert "Your Spot Task was interrupted" in first["reason"]
    assert second["exit_code"] == 0
    assert second["machine"] != lost


def task_of(world, handle):
    """Return the task in which a job is now."""
    stream = world.cloud.client("batch").describe_jobs(jobs=[handle])["jobs"][0]["container"]
    return stream.get("logStreamName", "").rpartition("/")[2]


def test_a_sandbox_is_refused_in_a_task_with_the_reason(fargate):
    """Somebody else's job definition, which starts the worker as on an instance."""
    accept(fargate)
    job = submit(fargate, "stubborn")
    runner = fargate.reconcile("--no-cache", "--no-wait", code=16)
    handle = fargate.handles(job)[0]
    fargate.cloud.wait(handle)
    spec = fargate.document(f"jobs/{job}/aws-batch/1/0.json")
    assert spec is not None, runner.stderr
    batch = fargate.cloud.client("batch")
    (mine,) = [
        d for d in batch.describe_job_definitions()["jobDefinitions"]
        if d["containerProperties"]["image"] == fargate.image and "FARGATE" in d["platformCapabilities"]
    ]  # fmt: skip
    properties = json.loads(json.dumps(mine["containerProperties"]))
    properties["command"][properties["command"].index("none")] = "sandbox"
    named = {
        "jobDefinitionName": "stubborn",
        "type": "container",
        "platformCapabilities": ["FARGATE"],
    }
    made = batch.register_job_definition(**named, containerProperties=properties)
    again = batch.submit_job(
        jobName="stubborn", jobQueue=f"neurocaas-{SIZE}-standard",
        jobDefinition=made["jobDefinitionArn"],
        parameters={"spec": f"state:jobs/{job}/aws-batch/1/0.json"},
    )["jobId"]  # fmt: skip
    (ended,) = fargate.cloud.wait(again)
    assert ended["status"] == "FAILED"
    assert ended["attempts"][0]["container"]["exitCode"] == 16
    stream = ended["container"]["logStreamName"]
    logs = fargate.cloud.client("logs")
    lines = logs.get_log_events(logGroupName="/neurocaas/batch", logStreamName=stream)["events"]
    assert "AWS Fargate lets no container make namespaces" in " ".join(e["message"] for e in lines)
    # What AWS itself would not take.
    properties["privileged"] = True
    with pytest.raises(Exception, match="privileged is not applicable"):
        batch.register_job_definition(**named, containerProperties=properties)
    batch.deregister_job_definition(jobDefinition=made["jobDefinitionArn"])
    fargate.reconcile("--no-cache")
