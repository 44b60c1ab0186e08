"""Whole jobs on a real Slurm, by the real command."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]


def digests(platform, job):
    return {
        (run, path): digest
        for run, record in platform.records(job).items()
        for path, digest, _ in record["outputs"]
    }


def mine(cluster, name):
    """Return the states of the tasks of a job's arrays, by array."""
    found = {}
    for handle, array, state in cluster.jobs():
        if array.startswith(f"neurocaas-{name}-"):
            found.setdefault(array, []).append((handle, state))
    return found


def running(cluster, name):
    return [h for tasks in mine(cluster, name).values() for h, state in tasks if state == "RUNNING"]


def test_the_same_results_as_on_this_machine(platform, make_platform, cluster):
    """All three protocols: equal digests, and the certificates replay here as identical."""
    here = make_platform()
    for each in (platform, here):
        data = each.put("a\n", "b\n", "c\n")
        each.job("plain", data)
        each.job("links", data, blueprint="chain")
        each.job("votes", data[:2], blueprint="ensemble", parameters={"replicas": 3})
        each.reconcile()
    for name in ("plain", "links", "votes"):
        job = f"ada/2026-11/{name}"
        assert platform.job_record(job)["status"] == "succeeded"
        assert digests(platform, job) == digests(here, job)
        assert len(digests(platform, job)) == {"plain": 3, "links": 6, "votes": 8}[name]
    assert [len(mine(cluster, name)) for name in ("plain", "links", "votes")] == [1, 2, 2]

    record = platform.record("ada/2026-11/links", "001-two")
    assert record["machine"]["kernel"].startswith("Linux ")
    assert "machine" not in here.record("ada/2026-11/links", "001-two")
    platform.env["NEUROCAAS_EXECUTOR"] = "local"
    shown = json.loads(platform.run("inspect", "links", "--format", "json").stdout)
    note = shown["notes"]["records/001-two.json"]
    assert note["machine"] == record["machine"]
    assert platform.audit("verify", "links")
    replayed = json.loads(platform.audit("replay", "links", "--format", "json").stdout)
    assert replayed["verdict"] == "identical"


def test_seventy_datasets_in_one_array_a_few_at_once(platform, cluster):
    text = (platform.repo / "registry/blueprints/probe.yaml").read_text()
    text = text.replace("name: probe", "name: wide").replace("max_parallel: 100", "max_parallel: 7")
    platform.write("registry/blueprints/wide.yaml", text)
    platform.commit("Publish wide")
    job = platform.job("many", platform.put(*[f"{k}\n" for k in range(70)]), blueprint="wide")
    most, ended = 0, threading.Event()

    def watch():
        nonlocal most
        while not ended.wait(0.3):
            most = max(most, len(running(cluster, "many")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        platform.run("reconcile", "--no-fetch", "--no-certify", timeout=250)
    finally:
        ended.set()
        watcher.join()
    records = platform.records(job)
    assert len(records) == 70
    assert {r["status"] for r in records.values()} == {"succeeded"}
    assert {r["attempt"] for r in records.values()} == {1}
    (tasks,) = mine(cluster, "many").values()
    assert len(tasks) == 70
    assert 4 <= most <= 7


def test_failures_of_a_workflow(platform, cluster):
    """A run past its time, one that fails, and one that needs a failed one, in two jobs."""
    slow = platform.job("slow", platform.put("a\n"), parameters={"seconds": 30}, max_runtime="1s")
    data = platform.put("fine\n", "fail\n")
    odd = platform.job("odd", data, blueprint="chain", parameters={"mode": "odd"})
    done = platform.reconcile(code=12)
    assert platform.record(slow, "001-work")["reason"] == "time_limit"
    records = platform.records(odd)
    assert {run: r["status"] for run, r in records.items()} == {
        "001-one": "succeeded", "001-two": "succeeded",
        "002-one": "failed", "002-two": "skipped",
    }  # fmt: skip
    assert records["002-two"]["reason"] == "upstream_failed"
    assert "2 of 2 jobs failed" in done.stderr


def test_cancel_while_running_and_waiting(platform, cluster):
    job = platform.job(
        "long", platform.put("a\n", "b\n"), blueprint="chain", parameters={"seconds": 60}
    )
    process = platform.start("reconcile", "--no-fetch")
    cluster.wait(lambda: len(running(cluster, "long")) == 2, what="two runs")
    platform.run("job", "cancel", "long", "--reason", "mistake", "--commit", "--no-fetch")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert platform.job_record(job)["status"] == "cancelled"
    states = {r["status"] for r in platform.records(job).values()}
    assert states == {"cancelled"}
    left = [s for tasks in mine(cluster, "long").values() for _, s in tasks]
    assert set(left) == {"CANCELLED"}


def test_left_under_way_and_taken_up_again(platform, cluster):
    """Without waiting; status says why runs wait, logs can be followed, Ctrl-C leaves them."""
    job = platform.job("away", platform.put("a\n"), blueprint="chain", parameters={"seconds": 10})
    done = platform.reconcile("--no-wait", code=16)
    assert "in Slurm as" in done.stderr
    cluster.wait(lambda: running(cluster, "away"), what="the first run")

    def shown_waiting():
        # Slurm gives a reason only when its scheduler has looked at the second run.
        shown = platform.run("status", "away", "--no-fetch").stdout
        return shown if "waits for runs that it needs (Dependency)" in shown else ""

    shown = cluster.wait(shown_waiting, seconds=8, what="the reason why the second run waits")
    assert "  running" in shown.split("\n")[0]
    process = platform.start("reconcile", "--no-fetch")
    while "with Slurm already" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "2 runs go on without us" in errors
    assert process.returncode == 130, errors
    assert running(cluster, "away")
    followed = platform.run("logs", "away", "--run", "001-one", "-f", "--no-fetch").stdout
    assert "half of it" in followed
    platform.reconcile()
    assert platform.job_record(job)["status"] == "succeeded"
    assert {r["attempt"] for r in platform.records(job).values()} == {1}
    assert len(mine(cluster, "away")) == 2


def workers_of(platform):
    """Return the environment of each worker that a node runs for a platform, by its variables."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            pairs = (folder / "environ").read_text().split("\0")
        except OSError:
            continue
        if b"worker" in words and any(str(platform.repo.parent).encode() in w for w in words):
            found.append(dict(pair.split("=", 1) for pair in pairs if pair))
    return found


def test_no_secret_and_no_login_shell_of_the_submitter_reach_a_node(platform, cluster):
    platform.env["AWS_SECRET_ACCESS_KEY"] = "for no node"
    platform.job("secret", platform.put("a\n"), parameters={"seconds": 5})
    process = platform.start("reconcile", "--no-fetch")
    found = cluster.wait(lambda: workers_of(platform), what="the worker")
    assert process.wait(60) == 0, process.stderr.read()
    (variables,) = found
    assert {"SLURM_ARRAY_TASK_ID", "NEUROCAAS_HOME", "HOME"} <= variables.keys()
    # A login shell's environment is taken where this is set; it would be late, and strange.
    assert "SLURM_GET_USER_ENV" not in variables
    assert not {"AWS_SECRET_ACCESS_KEY", "MAIL", "NEUROCAAS_EXECUTOR"} & variables.keys()


def test_what_the_cluster_refuses_is_said(platform, cluster):
    platform.env["NEUROCAAS_SLURM_PARTITIONS"] = "standard=none-such"
    job = platform.job("refused", platform.put("a\n"))
    done = platform.reconcile(code=16)
    assert "invalid partition specified: none-such" in done.stderr
    platform.env["NEUROCAAS_SLURM_PARTITIONS"] = "standard=narrow"
    platform.reconcile()
    assert platform.job_record(job)["status"] == "succeeded"
    assert len(mine(cluster, "refused")) == 1
