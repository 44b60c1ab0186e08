"""Faults while jobs are on AWS Batch: the right result or a clear failure, and never a half one.

The fixture `world` adds to each test: nothing remains in the account, in the store or on this
machine; each ended job has one certificate, and the ledger charges what that says.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import threading

import pytest
from proxy import Harm, proxy_before
from waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]

LARGE = bytes(range(256)) * (18 << 12)


@pytest.fixture
def way(world):
    """A proxy between the workers and AWS; the runner does not go through it."""
    with proxy_before(world.cloud.endpoint) as found:
        world.inside(AWS_ENDPOINT_URL=found.url)
        yield found


def say(capsys, text):
    """Show from what a test drew its chances, whether it fails or not."""
    with capsys.disabled():
        sys.stderr.write(f"\n{text}\n")


def outputs(record):
    return {path: digest for path, digest, _ in record["outputs"]}


def expected(world, record):
    """Return the digest of result.json that a run must have: its inputs are part of the result."""
    (name, digest, _size) = record["inputs"][0]
    text = world.cloud.client("s3").get_object(
        Bucket=world.bucket, Key=f"{world.prefix}/blobs/sha256/{digest[:2]}/{digest}"
    )["Body"].read().decode()  # fmt: skip
    answer = json.dumps({"seen": {name: text}, "replica": None}, sort_keys=True)
    return hashlib.sha256(answer.encode()).hexdigest()


def all_right(world, job, count):
    """Every run of a job succeeded and has the result that it must have."""
    assert world.job_record(job)["status"] == "succeeded"
    records = world.records(job)
    assert len(records) == count
    for record in records.values():
        assert record["status"] == "succeeded"
        assert outputs(record)["result.json"] == expected(world, record)
    return records


def acts_of(world, handle):
    """Return how many acts a worker says it made."""
    (job,) = world.cloud.wait(handle)
    stream = job["container"]["logStreamName"]
    logs = world.cloud.client("logs")
    events = logs.get_log_events(logGroupName="/neurocaas/batch", logStreamName=stream)["events"]
    (line,) = [e["message"] for e in events if e["message"].startswith("acts: ")]
    return int(line.removeprefix("acts: "))


def test_workers_are_killed_at_twenty_random_points(world, capsys):
    """Fifteen before an act on disk, network or processes, five while the workflow runs."""
    whole = world.job("whole", world.platform.put("whole"), parameters={"seconds": 1})
    world.reconcile("--no-cache", "--no-certify")
    acts = acts_of(world, world.handles(whole)[0])
    assert acts > 60
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    points = [{"acts": at} for at in sorted(chance.sample(range(1, acts + 1), 15))]
    points += [{"in_workflow": round(chance.uniform(0, 1), 2)} for _ in range(5)]
    world.orphans = len(points)
    say(capsys, f"kill -9 of workers: seed {seed}, {acts} acts, {points}")
    chance.shuffle(points)
    data = world.put(*(f"{k}\n" for k in range(20)))
    job = world.job("killed", data, parameters={"seconds": 1})
    world.inside(TROUBLE=json.dumps({"lease_s": 8, "die": dict(enumerate(points))}))
    done = world.reconcile("--no-cache", code=None)
    before = {r: world.state.read(f"jobs/{job}/runs/{r}/record.json") for r in world.records(job)}
    (handle,) = world.handles(job)
    ends = world.cloud.wait(*(f"{handle}:{k}" for k in range(20)))
    killed = [k for k, end in enumerate(ends) if end["container"].get("exitCode") == 137]
    assert len(killed) >= 18, "no more than two may have ended before their last acts"
    unfinished = 20 - len(before)
    assert done.returncode == (16 if unfinished else 0), done.stderr
    if unfinished:
        assert f"{unfinished} of 20 runs are unfinished" in done.stderr
        assert "the worker ended with exit code 137" in done.stderr
    world.inside(TROUBLE="")
    world.reconcile("--no-cache")
    records = all_right(world, job, 20)
    for run, record in before.items():
        assert world.state.read(f"jobs/{job}/runs/{run}/record.json") == record
        assert records[run]["attempt"] == 1
    assert {r["attempt"] for r in records.values()} <= {1, 2}
    runs = [len(s["runs"]) for s in world.journal(job)]
    assert runs == ([20, unfinished] if unfinished else [20])


@pytest.mark.parametrize(
    ("part", "done", "attempts"),
    [("partNumber=2", False, 2), ("001-work/record.json", True, 1)],
    ids=["a-large-output", "the-record"],
)
def test_a_machine_is_reclaimed_in_the_middle_of_an_upload(world, way, part, done, attempts):
    job = world.job("cheap", world.put("spot"), pricing="save", parameters={"mode": "large"})
    held = threading.Event()
    way.harms.append(
        Harm(lambda m, p: m == "PUT" and part in p, 1, status=500, hold=held, forward=done)
    )
    runner = world.start()
    try:
        until(lambda: way.count("PUT", part))
        (handle,) = world.handles(job)
        if done:
            until(lambda: world.document(f"jobs/{job}/runs/001-work/record.json"))
        else:
            assert world.records(job) == {}
        lost = world.cloud.reclaim(handle)
        until(lambda: len(world.cloud.instances(handle)) == 2)
        held.set()
        assert runner.wait(120) == 0, runner.stderr.read()
    finally:
        held.set()
        runner.kill()
    record = all_right(world, job, 1)["001-work"]
    assert outputs(record)["large.bin"] == hashlib.sha256(LARGE).hexdigest()
    assert record["attempt"] == attempts
    (ended,) = world.cloud.wait(handle)
    assert [a["statusReason"] for a in ended["attempts"]] == [
        f"Host EC2 (instance {lost}) terminated.", "Essential container in task exited",
    ]  # fmt: skip
    kept = world.document(f"jobs/{job}/runs/001-work/attempts.json")
    assert [a["cost_usd"] > 0 for row in kept["jobs"] for a in row["attempts"]] == [True, True]


def test_two_runners_at_once(world):
    job = world.job("both", world.put("a", "b"), blueprint="cloud-chain")
    runners = [world.start() for _ in range(2)]
    try:
        for runner in runners:
            _, said = runner.communicate(timeout=200)
            assert runner.returncode == 0, said
    finally:
        for runner in runners:
            runner.kill()
    assert world.job_record(job)["status"] == "succeeded"
    assert [len(s["runs"]) for s in world.journal(job)] == [2, 2]
    assert {r["attempt"] for r in world.records(job).values()} == {1}
    for handle in world.handles(job):
        for task in world.cloud.wait(f"{handle}:0", f"{handle}:1"):
            assert len(task["attempts"]) == 1


def test_s3_is_in_a_bad_way(world, way, capsys):
    """Every eighth call fails, in one of six ways; what boto tries again is not noticed."""
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    say(capsys, f"S3 in a bad way: seed {seed}")
    ways = [
        {"status": 500}, {"status": 503}, {"status": 500, "forward": True},
        {"cut": 0}, {"cut": 0, "forward": True}, {"delay": 0.5},
    ]  # fmt: skip
    for ill in ways:
        way.harms.append(Harm(lambda _m, _p: chance.random() < 1 / 8 / len(ways), **ill))
    conditional = ("/locks/", "/blobs/", "record.json")
    way.harms.append(
        Harm(
            lambda m, p: m == "PUT" and any(c in p for c in conditional) and chance.random() < 0.1,
            status=409,
        )
    )
    job = world.job("rough", world.put(*"abcdef"), blueprint="cloud")
    done = world.reconcile("--no-cache", code=None)
    assert done.returncode in {0, 16}, done.stderr
    way.harms.clear()
    before = world.records(job)
    if done.returncode:
        assert "unfinished" in done.stderr
        world.reconcile("--no-cache")
    after = all_right(world, job, 6)
    assert {run: after[run] for run in before} == before
    assert len(way.calls) > 60


def test_s3_is_away_for_longer_than_a_claim_lasts(world, way):
    """The worker cannot say any more that the run is its own: it ends, and says so."""
    job = world.job("cut-off", world.put("a"), parameters={"seconds": 15})
    runner = world.start()
    try:
        until(lambda: way.count("PUT", "/001-work/log"))
        way.harms.append(Harm(lambda _m, _p: True, status=503))
        _, said = runner.communicate(timeout=120)
    finally:
        way.harms.clear()
        runner.kill()
    assert runner.returncode == 16, said
    assert "no result: the worker ended with exit code 16" in said
    assert world.records(job) == {}
    world.reconcile("--no-cache")
    assert all_right(world, job, 1)["001-work"]["attempt"] == 2
