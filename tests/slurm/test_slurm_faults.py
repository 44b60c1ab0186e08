"""Faults on a real Slurm: nothing is lost, nothing is run twice, and what happened is said."""

from __future__ import annotations

import shutil
import stat
import subprocess
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]

# Stands before every command of Slurm and ends the runner, its parent, at the chosen call: before
# the call reaches Slurm, while it is on its way, or after it has come back.
_INTERCEPT = """#!/bin/sh
real={real}
echo x >>{count}
if [ "$(wc -l <{count})" != {at} ]; then exec "$real" "$@"; fi
case {when} in
before) kill -9 $PPID; exit 1;;
during) kill -9 $PPID; sleep 1; exec "$real" "$@";;
after) "$real" "$@"; kill -9 $PPID;;
esac
"""


def arrays(cluster, name):
    """Return the states of a job's tasks, by array."""
    found = {}
    for _, array, state in cluster.jobs():
        if array.startswith(f"neurocaas-{name}-"):
            found.setdefault(array, []).append(state)
    return found


def nodes(cluster, name):
    """Return the running tasks of a job, and the nodes that they are on."""
    rows = cluster.call("squeue", "-h", "-r", "-t", "R", "-o", "%j|%F_%K|%N").splitlines()
    found = (row.split("|") for row in rows)
    return {task: node for job, task, node in found if job.startswith(f"neurocaas-{name}-")}


@pytest.fixture
def intercept(platform, cluster, tmp_path):
    """Return what starts a command that is killed at a call of Slurm."""

    def crash(at, when, *arguments):
        count = tmp_path / "count"
        count.write_text("")
        # sbatch gets no variable of ours: what to do stands in the script.
        for name in ("sbatch", "squeue", "sacct", "scontrol", "scancel"):
            path = tmp_path / name
            real = shutil.which(name)
            path.write_text(_INTERCEPT.format(real=real, count=count, at=at, when=when))
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        environment = {**platform.env, "PATH": f"{tmp_path}:{platform.env['PATH']}"}
        done = subprocess.run(
            platform.command(*arguments), cwd=platform.repo, env=environment, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == -9, f"call {at} was never made: {done.stderr}"

    return crash


def test_the_runner_dies_at_any_call(platform, cluster, intercept):
    """A chain makes four calls: the settings, two submissions, the first look at the queue."""
    cases = [(1, "before"), (4, "before")]
    cases += [(at, when) for at in (2, 3) for when in ("before", "during", "after")]
    jobs = {}
    for at, when in cases:
        name = f"crash-{at}-{when}"
        jobs[name] = platform.job(name, platform.put(f"{name}\n"), blueprint="chain")
    for at, when in cases:
        name = f"crash-{at}-{when}"
        intercept(at, when, "reconcile", name, "--no-fetch", "--no-certify", "--no-wait")
        if when == "during":
            # The next runner comes while the call of the dead one is still on its way.
            platform.reconcile(name, "--no-certify", "--no-wait", code=None)
    platform.reconcile("--no-certify")
    for name, job in jobs.items():
        records = platform.records(job)
        assert {r["status"] for r in records.values()} == {"succeeded"}, name
        assert {r["attempt"] for r in records.values()} == {1}, name
        assert sorted(map(len, arrays(cluster, name).values())) == [1, 1], name


def test_two_runners_at_once(platform, cluster):
    job = platform.job("both", platform.put("a\n", "b\n"), blueprint="chain")
    first, second = (platform.start("reconcile", "--no-fetch", "--no-certify") for _ in range(2))
    for runner in (first, second):
        _, errors = runner.communicate(timeout=120)
        assert runner.returncode == 0, errors
    assert len(arrays(cluster, "both")) == 2
    assert {r["attempt"] for r in platform.records(job).values()} == {1}


def test_a_node_dies_and_another_is_only_out_of_touch(platform, cluster):
    """Slurm starts both runs again: one is repeated, of the other the record is awaited."""
    platform.env["NEUROCAAS_SLURM_ARGUMENTS"] = "--cpus-per-task=2"
    jobs = {
        name: platform.job(name, platform.put(f"{name}\n"), parameters={"seconds": seconds})
        for name, seconds in (("power", 10), ("touch", 50))
    }
    process = platform.start("reconcile", "--no-fetch", "--no-certify")
    log = {name: platform.state(job, "runs/001-work/log") for name, job in jobs.items()}
    cluster.wait(lambda: all(path.exists() for path in log.values()), what="two workflows")
    at = {name: next(iter(nodes(cluster, name).values())) for name in jobs}
    assert at["power"] != at["touch"]
    cluster.kill_node(at["power"])
    cluster.kill_daemon(at["touch"])
    try:
        _, errors = process.communicate(timeout=200)
    finally:
        for node in at.values():
            cluster.start_node(node)
    assert process.returncode == 0, errors
    records = {name: platform.record(job, "001-work") for name, job in jobs.items()}
    assert {name: r["status"] for name, r in records.items()} == dict.fromkeys(jobs, "succeeded")
    assert {name: r["attempt"] for name, r in records.items()} == {"power": 2, "touch": 1}
    assert [len(arrays(cluster, name)) for name in jobs] == [1, 1]
    cluster.wait(
        lambda: "down" not in cluster.call("sinfo", "-h", "-N", "-p", "standard", "-o", "%t"),
        what="the nodes are back",
    )


def test_a_machine_is_taken_back_and_the_run_starts_again(platform, cluster):
    """As a preemption does it: every process of the task is signalled, then the task is requeued."""
    job = platform.job("spot", platform.put("a\n"), parameters={"seconds": 6})
    process = platform.start("reconcile", "--no-fetch", "--no-certify")
    log = platform.state(job, "runs/001-work/log")
    cluster.wait(log.exists, what="a workflow")
    cluster.call("scontrol", "requeue", next(iter(nodes(cluster, "spot"))))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    record = platform.record(job, "001-work")
    assert (record["status"], record["attempt"]) == ("succeeded", 2)


def test_slurm_loses_a_run_behind_our_back(platform, cluster):
    job = platform.job("gone", platform.put("a\n", "b\n"), parameters={"seconds": 4})
    process = platform.start("reconcile", "--no-fetch")
    task = cluster.wait(lambda: next(iter(nodes(cluster, "gone")), None), what="a run")
    cluster.call("scancel", task)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 16, errors
    assert "cancelled in Slurm (CANCELLED)" in errors
    assert "1 of 2 runs are unfinished" in errors
    done = platform.reconcile()
    assert "submitted again" in done.stderr
    assert platform.job_record(job)["status"] == "succeeded"
    assert sorted(len(tasks) for tasks in arrays(cluster, "gone").values()) == [1, 2]


def test_a_worker_that_cannot_work_says_why(platform, cluster):
    platform.env["NEUROCAAS_SLURM_PARTITIONS"] = "standard=narrow"
    cluster.call("scontrol", "update", "partitionname=narrow", "state=down")
    job = platform.job("blind", platform.put("a\n"))
    try:
        platform.reconcile("--no-wait", code=16)
        cluster.wait(lambda: "PartitionDown" in cluster.call("squeue", "-h", "-o", "%r"))
        shown = platform.run("status", "blind", "--no-fetch").stdout
        assert "its partition is down (PartitionDown)" in shown
        # As if a disk had lost what the worker shall read.
        document = next(platform.state(job, "slurm").glob("*/0.json"))
        document.write_text("{}")
        process = platform.start("reconcile", "--no-fetch")
        # It has seen the run wait before the run fails: who comes later submits it again at once.
        while "with Slurm already" not in process.stderr.readline():
            assert process.poll() is None
    finally:
        cluster.call("scontrol", "update", "partitionname=narrow", "state=up")
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 16, errors
    assert "the worker failed (FAILED): " in errors
    assert "not a run spec" in errors
    platform.reconcile()
    assert platform.job_record(job)["status"] == "succeeded"


def test_the_controller_is_away_for_a_while(platform, cluster):
    job = platform.job("calm", platform.put("a\n"), parameters={"seconds": 5})
    process = platform.start("reconcile", "--no-fetch")
    cluster.wait(lambda: nodes(cluster, "calm"), what="a run")
    cluster.stop_controller()
    time.sleep(4)
    cluster.start_controller()
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert platform.record(job, "001-work")["attempt"] == 1


def test_the_accounting_remembers_what_the_controller_forgot(make_platform, accounting_cluster):
    cluster = accounting_cluster
    platform = make_platform(cluster)
    kept = platform.job("kept", platform.put("a\n", "b\n"), parameters={"seconds": 3})
    platform.reconcile("--no-wait", "--no-certify", code=16)
    task = cluster.wait(lambda: next(iter(nodes(cluster, "kept")), None), what="a run")
    cluster.call("scancel", task)
    cluster.wait(lambda: not cluster.call("squeue", "-h"), what="the end of the job")
    accounted = ("sacct", "-n", "-P", "-X", "-o", "State")
    cluster.wait(lambda: "COMPLETED" in cluster.call(*accounted), what="the accounting")
    time.sleep(1)
    cluster.forget()
    assert not cluster.jobs()
    done = platform.reconcile("--no-certify")
    assert "cancelled in Slurm (CANCELLED)" in done.stderr
    assert platform.job_record(kept)["status"] == "succeeded"
    assert len(platform.records(kept)) == 2
