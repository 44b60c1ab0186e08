"""From a committed manifest to results: the whole loop with the real commands."""

from __future__ import annotations

import hashlib
import json

import pytest

pytestmark = pytest.mark.sandbox


def outputs(platform, record):
    return {path: platform.blob(digest).read_bytes() for path, digest, _ in record["outputs"]}


def test_a_job_of_three_datasets(platform):
    job = platform.job("three", platform.put("a\n", "b\n", "c\n"))
    head = platform.git("rev-parse", "HEAD")
    platform.reconcile()
    records = platform.records(job)
    assert sorted(records) == ["001-work", "002-work", "003-work"]
    for record, content in zip(
        [records[k] for k in sorted(records)], ["a\n", "b\n", "c\n"], strict=True
    ):
        assert record["status"] == "succeeded"
        result = json.loads(outputs(platform, record)["result.json"])
        assert list(result["seen"].values()) == [content]
        assert record["isolation"]["level"] == "sandbox"
        assert not record["isolation"]["network"]
    done = platform.job_record(job)
    assert done["status"] == "succeeded"
    assert done["plan"]["registry_commit"] == head
    assert done["plan"]["blueprint_commit"] == platform.git("rev-parse", f"{head}~1")
    assert "nothing to do" in platform.reconcile().stderr


def test_every_output_has_the_digest_of_its_record(platform):
    job = platform.job("digests", platform.put("x\n"))
    platform.reconcile()
    for path, digest, size in platform.record(job, "001-work")["outputs"]:
        data = platform.blob(digest).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest, path
        assert len(data) == size


def test_chain_hands_outputs_on(platform):
    job = platform.job("chained", platform.put("a\n"), blueprint="chain")
    platform.reconcile()
    second = json.loads(outputs(platform, platform.record(job, "001-two"))["result.json"])
    assert sorted(second["seen"]) == ["dataset/d000.txt", "steps/one/result.json"]


def test_ensemble_fans_out_and_in(platform):
    job = platform.job(
        "fan", platform.put("a\n", "b\n"), blueprint="ensemble", parameters={"replicas": 3}
    )
    platform.reconcile()
    assert len(platform.records(job)) == 8
    joined = json.loads(outputs(platform, platform.record(job, "002-join"))["result.json"])
    replicas = [json.loads(joined["seen"][f"replicas/{k}/result.json"]) for k in range(3)]
    assert [r["replica"] for r in replicas] == [0, 1, 2]


def test_identical_runs_are_computed_once_and_say_where(platform):
    data = platform.put("a\n", "b\n")
    first = platform.job("first", data)
    platform.reconcile()
    second = platform.job("second", [*data, *platform.put("c\n")])
    assert "2 runs taken from earlier identical ones" in platform.reconcile().stderr
    records = platform.records(second)
    assert records["001-work"]["taken_from"] == f"{first}#001-work"
    assert records["003-work"]["taken_from"] is None
    third = platform.job("third", data)
    platform.reconcile("--no-cache")
    again = platform.records(third)
    assert again["001-work"]["taken_from"] is None
    assert again["001-work"]["outputs"] == records["001-work"]["outputs"]


def test_another_parameter_is_another_computation(platform):
    data = platform.put("a\n")
    platform.job("one", data)
    platform.reconcile()
    job = platform.job("two", data, parameters={"seconds": 0.01})
    platform.reconcile()
    assert platform.record(job, "001-work")["taken_from"] is None


def test_a_damaged_output_is_found_and_computed_again(platform):
    job = platform.job("damaged", platform.put("a\n", "b\n"))
    platform.reconcile()
    before = platform.records(job)
    _, digest, _ = before["001-work"]["outputs"][0]
    blob = platform.blob(digest)
    blob.chmod(0o644)
    data = bytearray(blob.read_bytes())
    data[0] ^= 1
    blob.write_bytes(data)
    done = platform.reconcile("--verify")
    assert "missing or damaged" in done.stderr
    after = platform.records(job)
    assert after["001-work"]["outputs"] == before["001-work"]["outputs"]
    assert hashlib.sha256(blob.read_bytes()).hexdigest() == digest
    assert after["002-work"] == before["002-work"]
    assert "1 are intact" in platform.reconcile("--verify").stderr


def test_a_damaged_result_is_never_reused(platform):
    data = platform.put("a\n")
    first = platform.job("source", data)
    platform.reconcile()
    _, digest, _ = platform.record(first, "001-work")["outputs"][0]
    platform.blob(digest).unlink()
    second = platform.job("taker", data)
    platform.reconcile()
    assert platform.record(second, "001-work")["taken_from"] is None
    assert platform.blob(digest).exists()


def test_status_logs_and_fetch(platform, tmp_path):
    job = platform.job("shown", platform.put("a\n", "b\n"))
    queued = json.loads(platform.run("status", "--no-fetch", "--format", "json").stdout)
    assert queued["jobs"][0]["state"] == "queued"
    assert "number 1 in the queue" in platform.run("status", "--no-fetch").stdout
    platform.reconcile()
    shown = platform.run("status", "--no-fetch", "shown").stdout
    assert "001-work" in shown
    assert "[####################]" in shown
    log = platform.run("logs", "--no-fetch", "shown", "--run", "002-work").stdout
    assert log.rstrip().endswith("::progress 0.5 half of it")
    platform.run("fetch", "--no-fetch", job, str(tmp_path / "results"))
    assert (tmp_path / "results/001-work/result.json").is_file()
    assert "half of it" in (tmp_path / "results/logs/001-work.log").read_text()
    assert json.loads((tmp_path / "results/parameters.yaml").read_text())["mode"] == "ok"
    assert "sha256:" in (tmp_path / "results/README.md").read_text()
    platform.run("fetch", "--no-fetch", job, str(tmp_path / "results"))
    (tmp_path / "results/001-work/result.json").write_text("mine")
    refused = platform.run("fetch", "--no-fetch", job, str(tmp_path / "results"), code=2)
    assert "nothing was replaced" in refused.stderr
    assert (tmp_path / "results/001-work/result.json").read_text() == "mine"


def test_cancelled_before_it_starts(platform):
    job = platform.job("stopped", platform.put("a\n"), cancelled={"reason": "wrong data"})
    platform.reconcile()
    assert platform.job_record(job)["status"] == "cancelled"
    assert platform.records(job) == {}


def test_job_new_cancel_retry(platform):
    platform.put("a\n")
    made = platform.run(
        "job", "new", "probe", "--group", "example-lab", "--dataset", "store:d000.txt",
        "--param", "seconds=0.5", "--max-runtime", "30s", "--yes", "--commit", "--no-fetch",
    )  # fmt: skip
    assert "at most 0.00 USD" in made.stderr
    assert made.stdout.strip().endswith("probe-01.yaml")
    platform.reconcile()
    platform.run("job", "cancel", "probe-01", "--reason", "mistake", "--commit", "--no-fetch")
    retried = platform.run("job", "retry", "probe-01", "--commit", "--no-fetch").stdout.strip()
    text = (platform.repo / retried).read_text()
    assert "retry_of: ada/" in text
    assert "cancelled" not in text
    platform.reconcile()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--dataset", "store:none.txt"], 2, "there is no store:none.txt"),
        (["--dataset", "store:d000.txt", "--param", "modee=ok"], 10, "modee"),
        (["--dataset", "store:d000.txt", "--name", "Not A Name"], 2, "cannot name a job"),
        ([], 2, "at least one dataset"),
    ],
)
def test_job_new_says_what_is_wrong(platform, arguments, code, message):
    platform.put("a\n")
    done = platform.run(
        "job", "new", "probe@1.0.0", "--group", "example-lab", "--yes", "--no-fetch", *arguments,
        code=code,
    )  # fmt: skip
    assert message in done.stderr
    assert not (platform.repo / "registry/jobs").exists()


def test_try_runs_the_sample_without_ceremony(platform):
    done = platform.run("try", "probe")
    assert "succeeded in" in done.stderr
    assert "half of it" in done.stderr
    saved = platform.repo / ".neurocaas/try/probe/result.json"
    assert json.loads(saved.read_text())["seen"] == {"dataset/small.txt": "hello\n"}
    failed = platform.run("try", "probe", "--param", "mode=exit3", code=12)
    assert "something is wrong with this recording" in failed.stderr
