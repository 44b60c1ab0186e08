"""What goes wrong with data, workflows and machines ends in a clear record or a clear error."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time

import pytest

pytestmark = pytest.mark.sandbox

FAILURES = {
    "exit3": ("nonzero_exit", "3"),
    "nothing": ("missing_output", "result.json"),
    "memory": ("memory_limit", "memory"),
    "child-memory": ("memory_limit", "memory"),
    "symlink": ("bad_output", "link"),
}


@pytest.mark.parametrize("mode", FAILURES)
def test_a_failing_workflow_is_recorded_with_its_reason(platform, mode):
    reason, word = FAILURES[mode]
    job = platform.job(f"fails-{mode}", platform.put("a\n"), parameters={"mode": mode})
    done = platform.reconcile(code=12)
    record = platform.record(job, "001-work")
    assert (record["status"], record["reason"]) == ("failed", reason)
    assert word in record["message"]
    assert word in done.stderr
    assert platform.job_record(job)["status"] == "failed"
    assert "nothing to do" in platform.reconcile().stderr


def test_a_listener_on_this_machine_is_out_of_reach(platform):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 5).close()
        job = platform.job(
            "tries-network", platform.put(f"{port}\n"), parameters={"mode": "network"}
        )
        platform.reconcile()
    # The workflow writes its result only when it was refused.
    assert platform.record(job, "001-work")["status"] == "succeeded"


def test_a_daemon_does_not_outlive_its_run(platform):
    job = platform.job("tries-daemon", platform.put("a\n"), parameters={"mode": "daemon"})
    platform.reconcile()
    assert platform.record(job, "001-work")["status"] == "succeeded"
    assert leftovers(platform) == []


def test_overrun(platform):
    job = platform.job("slow", platform.put("a\n"), parameters={"seconds": 30}, max_runtime="1s")
    platform.reconcile(code=12)
    record = platform.record(job, "001-work")
    assert record["reason"] == "time_limit"
    assert record["usage"]["wall_s"] < 10


def test_one_bad_recording_does_not_hold_up_the_others(platform):
    job = platform.job("mixed", platform.put("a\n", "fail\n", "c\n"), parameters={"mode": "odd"})
    done = platform.reconcile(code=12)
    assert "002-work" in done.stderr
    states = {run: r["status"] for run, r in platform.records(job).items()}
    assert states == {"001-work": "succeeded", "002-work": "failed", "003-work": "succeeded"}


def test_what_needs_a_failed_run_is_skipped(platform):
    job = platform.job("broken-chain", platform.put("a\n"), blueprint="chain",
                       parameters={"mode": "exit3"})  # fmt: skip
    platform.reconcile(code=12)
    assert platform.record(job, "001-two")["status"] == "skipped"
    assert platform.record(job, "001-two")["reason"] == "upstream_failed"


def test_a_missing_dataset_waits_and_goes_on_when_it_is_there(platform):
    data = platform.put("a\n", "b\n")
    gone = platform.blob(data[0]["sha256"])
    kept = gone.read_bytes()
    gone.unlink()
    job = platform.job("missing", data)
    done = platform.reconcile(code=16)
    assert "not in the store" in done.stderr
    assert list(platform.records(job)) == ["002-work"]
    (platform.repo.parent / "d000.txt").write_bytes(kept)
    platform.run("data", "put", str(platform.repo.parent / "d000.txt"))
    platform.reconcile()
    assert platform.job_record(job)["status"] == "succeeded"


def test_a_damaged_dataset_is_not_used(platform):
    data = platform.put("good\n")
    blob = platform.blob(data[0]["sha256"])
    blob.chmod(0o644)
    blob.write_text("evil\n")
    job = platform.job("evil", data)
    assert "no longer has its digest" in platform.reconcile(code=16).stderr
    assert platform.records(job) == {}


def test_a_dataset_that_changes_while_it_is_used(platform):
    data = platform.put("good\n")
    blob = platform.blob(data[0]["sha256"])
    job = platform.job("changing", data, parameters={"seconds": 2})
    process = platform.start("reconcile", "--no-fetch")
    log = platform.state(job, "runs", "001-work", "log")
    wait_until(lambda: log.exists() and b"half" in log.read_bytes())
    blob.chmod(0o644)
    blob.write_text("evil\n")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 16
    assert "was changed while the run was using it" in err
    assert platform.records(job) == {}


def test_an_invalid_manifest_on_main_holds_nobody_up(platform):
    platform.write("registry/jobs/ada/2026-11/bad.yaml", "schema: [unclosed\n")
    platform.commit()
    job = platform.job("good", platform.put("a\n"))
    done = platform.reconcile(code=16)
    assert "bad.yaml" in done.stderr
    assert platform.job_record(job)["status"] == "succeeded"


def test_ctrl_c_keeps_what_has_ended_and_goes_on_later(platform):
    job = platform.job("paused", platform.put(*"abcdef"), parameters={"seconds": 0.6})
    process = platform.start("reconcile", "--no-fetch", "--cpus", "1")
    wait_until(lambda: len(platform.records(job)) >= 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    before = platform.records(job)
    assert 2 <= len(before) < 6
    assert leftovers(platform) == []
    platform.reconcile()
    after = platform.records(job)
    assert len(after) == 6
    assert {k: after[k] for k in before} == before


def test_cancel_while_running(platform):
    job = platform.job("long", platform.put("a\n", "b\n"), parameters={"seconds": 50})
    process = platform.start("reconcile", "--no-fetch")
    log = platform.state(job, "runs", "001-work", "log")
    wait_until(lambda: log.exists() and b"half" in log.read_bytes())
    platform.run("job", "cancel", "long", "--reason", "mistake", "--commit", "--no-fetch")
    process.communicate(timeout=30)
    assert platform.job_record(job)["status"] == "cancelled"
    assert leftovers(platform) == []


def test_two_reconcilers_run_each_run_once(platform):
    job = platform.job("shared", platform.put(*(f"{i}\n" for i in range(12))),
                       parameters={"mode": "random", "seconds": 0.1})  # fmt: skip
    both = [platform.start("reconcile", "--no-fetch") for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    records = platform.records(job)
    assert len(records) == 12
    assert {r["attempt"] for r in records.values()} == {1}
    assert leftovers(platform) == []


def test_two_identical_jobs_at_once_compute_each_identity_once(platform):
    data = platform.put("a\n", "b\n")
    jobs = [platform.job(f"same-{i}", data, parameters={"mode": "random", "seconds": 0.3})
            for i in range(2)]  # fmt: skip
    both = [platform.start("reconcile", "--no-fetch", job) for job in jobs]
    for process in both:
        _, err = process.communicate(timeout=90)
        assert process.returncode == 0, err
    first, second = (platform.records(job) for job in jobs)
    assert {k: r["outputs"] for k, r in first.items()} == {
        k: r["outputs"] for k, r in second.items()
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kill_9_at_twenty_random_points(platform):
    """A run that has a record is never started again, and the results are right in the end."""
    job = platform.job("killed", platform.put(*(f"{i}\n" for i in range(10))),
                       parameters={"mode": "random", "seconds": 0.15})  # fmt: skip
    generator = random.Random(7)
    seen: dict[str, dict] = {}
    kills = 0
    while kills < 20:
        process = platform.start("reconcile", "--no-fetch", "--no-cache", "--cpus", "2")
        time.sleep(generator.uniform(0.15, 0.9))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate(timeout=30)
        now = platform.records(job)
        for run, record in seen.items():
            assert now[run] == record, "an ended run was done again"
        seen = now
        if platform.state(job, "job.json").exists():
            # It ended before the twentieth kill: go on with a fresh job.
            job = platform.job(f"killed-{kills}", platform.put(*(f"{kills}-{i}\n" for i in range(10))),
                               parameters={"mode": "random", "seconds": 0.15})  # fmt: skip
            seen = {}
    platform.reconcile("--no-cache")
    records = platform.records(job)
    assert len(records) == 10
    for record in records.values():
        assert record["status"] == "succeeded"
        for _, digest, size in record["outputs"]:
            assert platform.blob(digest).stat().st_size == size
    assert "intact" in platform.reconcile("--verify").stderr
    wait_until(lambda: leftovers(platform) == [])


def test_no_sandbox_no_run_unless_asked(platform):
    job = platform.job("open", platform.put("a\n"))
    platform.env["NEUROCAAS_BWRAP"] = "/nonexistent/bwrap"
    done = platform.reconcile(code=16)
    assert "bubblewrap" in done.stderr
    assert platform.records(job) == {}


def test_status_follows_a_running_job(platform):
    platform.job("followed", platform.put("a\n", "b\n"), parameters={"seconds": 1.5})
    process = platform.start("reconcile", "--no-fetch", "--cpus", "1")
    states = set()

    def running():
        document = json.loads(
            platform.run("status", "--no-fetch", "followed", "--format", "json").stdout
        )
        for run in document["jobs"][0]["runs"]:
            states.add((run["state"], run["fraction"]))
        return ("running", 0.5) in states

    wait_until(running)
    assert ("queued", None) in states
    followed = platform.run("logs", "--no-fetch", "-f", "followed", timeout=60)
    assert followed.stdout.count("half of it") == 2
    process.communicate(timeout=30)


def wait_until(condition, seconds=40):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def leftovers(platform):
    """Return processes that still work below the platform's home."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as stream:
                line = stream.read().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if "bwrap" in line and str(platform.home) in line:
            found.append(line[:200])
    return found
