"""Machines that are not well: a full disk, a wrong clock, a log service that does not answer."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from batch_world import ROOT, folder
from proxy import Harm, proxy_before
from waiting import until

from neurocaas_ci.stores.s3_cell import cell_id

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.fixture
def disk():
    """Return what mounts a disk of so many bytes; skipped where that is not allowed."""
    place = folder("neurocaas-disk-")

    def mount(size):
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["umount", place], capture_output=True, check=False)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", place],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        return place

    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    yield mount
    subprocess.run(["umount", place], capture_output=True, check=False)
    place.rmdir()


def said_by_worker(world, name):
    return world.platform.run("logs", "--no-fetch", name).stdout


@pytest.mark.parametrize(
    ("size", "data", "parameters"),
    [
        (1 << 20, "x" * (2 << 20), {}),
        (300 << 20, "small", {"mode": "large", "seconds": 1}),
    ],
    ids=["the-inputs", "the-outputs"],
)
def test_the_disk_of_a_machine_is_too_small(world, disk, size, data, parameters):
    """It is the machine's failure, not the workflow's: on a larger one the job succeeds."""
    job = world.job("crowded", world.put(data), parameters=parameters)
    place = disk(size)
    if parameters:
        # The rest is taken by somebody else: less is free than a machine keeps in reserve.
        (place / "others").write_bytes(bytes(50 << 20))
    world.inside(NEUROCAAS_HOME=str(place / "home"))
    done = world.reconcile("--no-cache", code=16)
    assert "the worker ended with exit code 16" in done.stderr
    said = said_by_worker(world, "crowded")
    assert "disk" in said or "No space left on device" in said
    assert "internal error" not in said
    assert world.records(job) == {}
    assert list(place.glob("home/store/scratch/*/*")) == []
    disk(1 << 30)
    world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded"
    assert list(place.glob("home/store/scratch/*")) == []


@pytest.fixture
def clock():
    """Return the variables of a process whose clock is so many seconds ahead."""
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("no C compiler for a clock that is wrong")
    made = folder("neurocaas-clock-")
    source = Path(__file__).with_name("skewed_clock.c")
    library = made / "skewed_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    yield lambda seconds: {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(seconds)}
    shutil.rmtree(made)


def test_the_clock_of_a_machine_is_hours_off(world, clock):
    """S3 takes nothing from it: the error says why, and a machine with a clock goes on."""
    job = world.job("late", world.put("a"))
    with proxy_before(world.cloud.endpoint) as way:
        way.strict_clock = True
        world.inside(AWS_ENDPOINT_URL=way.url, **clock(7200))
        world.reconcile("--no-cache", code=16)
        said = said_by_worker(world, "late")
        assert "clock" in said
        assert "2:00:0" in said or "1:59:5" in said
        assert "ahead" in said
        assert world.records(job) == {}
        world.inside(LD_PRELOAD="", CLOCK_AHEAD="")
        world.reconcile("--no-cache")
        world.inside(AWS_ENDPOINT_URL="")
    assert world.job_record(job)["status"] == "succeeded"


def test_a_clock_that_is_minutes_off_takes_nobody_s_run(world, clock):
    """A second worker, ten minutes ahead, comes for a run that is under way: it waits for it."""
    job = world.job("mine", world.put("a"), parameters={"seconds": 10})
    with proxy_before(world.cloud.endpoint) as way:
        way.strict_clock = True
        world.inside(AWS_ENDPOINT_URL=way.url, **clock(-600))
        runner = world.start()
        try:
            until(lambda: way.count("PUT", "/001-work/log"))
            # It would empty the job's cell at the end of the run, perhaps before the second looks again.
            runner.send_signal(signal.SIGSTOP)
            second = subprocess.run(
                [sys.executable, "-m", "neurocaas_ci.cli.main", "worker", f"state:jobs/{job}/aws-batch/1/0.json"],
                env={
                    **world.platform.env, "NEUROCAAS_CELL": cell_id(job), "PYTHONPATH": str(ROOT),
                    "AWS_ENDPOINT_URL": way.url, **clock(600),
                },
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            assert second.returncode == 0, second.stderr
            runner.send_signal(signal.SIGCONT)
            assert runner.wait(60) == 0, runner.stderr.read()
        finally:
            runner.kill()
        world.inside(AWS_ENDPOINT_URL="")
    record = world.records(job)["001-work"]
    assert (record["status"], record["attempt"]) == ("succeeded", 1)
    assert record["run"] in second.stdout
    assert record["usage"]["wall_s"] == pytest.approx(10, abs=3), "a span, whatever the clock says"


def test_the_log_service_is_down_when_a_job_starts(world):
    job = world.job("mute", world.put("a", "b"))
    world.cloud.host.logs_down = True
    try:
        done = world.reconcile("--no-cache", code=16)
    finally:
        world.cloud.host.logs_down = False
    assert "failed to initialize logging driver" in done.stderr
    assert world.records(job) == {}
    world.reconcile("--no-cache")
    assert {r["attempt"] for r in world.records(job).values()} == {1}
    assert world.job_record(job)["status"] == "succeeded"


def test_the_log_service_goes_down_while_a_job_runs(world):
    """Nothing depends on it: what a workflow wrote is in the store."""
    job = world.job("quiet", world.put("a"), parameters={"seconds": 3})
    runner = world.start()
    try:
        until(lambda: world.has_started(job, "001-work"))
        world.cloud.host.logs_down = True
        assert runner.wait(120) == 0, runner.stderr.read()
    finally:
        world.cloud.host.logs_down = False
        runner.kill()
    world.platform.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = "http://127.0.0.1:9"
    assert "half of it" in world.platform.run("logs", "--no-fetch", "quiet").stdout


def test_the_log_service_does_not_answer_who_asks_for_a_log(world):
    job = world.job("asked", world.put("a"))
    world.inside(NEUROCAAS_CACHE="/proc/nowhere")
    world.reconcile("--no-cache", code=16)
    with proxy_before(world.cloud.endpoint) as way:
        way.harms.append(Harm(lambda _m, _p: True, status=503))
        world.platform.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] = way.url
        done = world.platform.run("logs", "--no-fetch", "asked", code=16)
        del world.platform.env["AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"]
        assert "read the log stream" in done.stderr
        assert 2 <= len(way.calls) <= 4, "somebody waits at the terminal"
    world.inside(NEUROCAAS_CACHE=world.platform.env["NEUROCAAS_CACHE"])
    world.reconcile("--no-cache")
    assert world.job_record(job)["status"] == "succeeded"
