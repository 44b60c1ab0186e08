"""`neurocaas job`, `status`, `fetch` and `worker` on a real platform, with bad input."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from datetime import UTC, datetime

import pytest
import yaml

pytestmark = pytest.mark.sandbox


def new(platform, *arguments, code=0, blueprint="probe"):
    return platform.run(
        "job", "new", blueprint, "--group", "example-lab", "--yes", "--no-fetch", *arguments,
        code=code,
    )  # fmt: skip


def manifests(platform):
    return sorted((platform.repo / "registry").glob("jobs/**/*.yaml"))


BAD_NEW = [
    (["--param", "mode"], 2, "is not a new KEY=VALUE pair"),
    (["--param", "=ok"], 2, "is not a new KEY=VALUE pair"),
    (["--param", "mode=ok", "--param", "mode=ok"], 2, "is not a new KEY=VALUE pair"),
    (["--param", "mode=["], 2, "parameter mode"),
    (["--param", "mode=no"], 2, "parameter mode"),
    (["--param", "seconds=fast"], 10, "seconds"),
    (["--param", "mode=1"], 10, "mode"),
    (["--param", "unknown=1"], 10, "unknown"),
    (["--param", "replicas=1000"], 10, "replicas"),
    (["--max-runtime", "soon"], 10, "max_runtime"),
    (["--max-runtime", "0s"], 10, "max_runtime"),
    (["--hardware", "work"], 2, "is not a new KEY=VALUE pair"),
    (["--hardware", "work=cray-1"], 10, "cray-1"),
    (["--hardware", "elsewhere=laptop"], 10, "no step `elsewhere`"),
    (["--pricing", "free"], 2, "--pricing"),
    (["--name", "../../escape"], 2, "cannot name a job"),
    (["--name", "-x"], 2, "cannot name a job"),
    (["--user", "../../etc"], 2, "cannot be a login"),
    (["--user", "/etc"], 2, "cannot be a login"),
    (["--user", "nobody-here"], 10, "nobody-here"),
    (["--dataset", "missing.txt"], 2, "cannot be read"),
    (["--dataset", "store:../x"], 2, "cannot name a dataset"),
    (["--dataset", "/dev/null"], 2, "one regular file"),
    (["--group", "nobody"], 10, "group"),
]


def test_bad_input_writes_nothing(platform):
    platform.put("a\n")
    for arguments, code, message in BAD_NEW:
        done = new(platform, "--dataset", "store:d000.txt", *arguments, code=None)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        assert message in done.stderr, (arguments, done.stderr)
        assert "internal error" not in done.stderr
        assert manifests(platform) == [], arguments


@pytest.mark.parametrize(
    ("blueprint", "message"),
    [
        ("nothing", "no valid blueprint"),
        ("probe@", "names no blueprint version"),
        ("@1.0.0", "names no blueprint version"),
        ("probe@9.9.9", "9.9.9"),
        ("../probe", "no valid blueprint"),
    ],
)
def test_bad_blueprints_are_said(platform, blueprint, message):
    platform.put("a\n")
    done = new(platform, "--dataset", "store:d000.txt", blueprint=blueprint, code=None)
    assert done.returncode in {2, 10}
    assert message in done.stderr
    assert manifests(platform) == []


def test_names_count_up_and_never_replace(platform):
    platform.put("a\n")
    for number in (1, 2):
        new(platform, "--dataset", "store:d000.txt")
        assert manifests(platform)[-1].name == f"probe-{number:02d}.yaml"
    before = manifests(platform)[0].read_text()
    done = new(platform, "--dataset", "store:d000.txt", "--name", "probe-01", code=2)
    assert "exists already" in done.stderr
    assert manifests(platform)[0].read_text() == before


def test_values_mean_in_the_manifest_what_was_typed(platform):
    platform.put("a\n")
    new(platform, "--dataset", "store:d000.txt", "--param", "seconds=1e-3", "--param", 'mode="1e3"')
    platform.commit("Submit")
    (path,) = manifests(platform)
    retried = platform.run("job", "retry", path.stem, "--no-fetch").stdout.strip()
    platform.commit("Retry")
    for manifest in (path, platform.repo / retried):
        text = manifest.read_text()
        assert "'1e3'" in text
        assert yaml.safe_load(text)["parameters"]["seconds"] == pytest.approx(0.001)
    assert "no problems found" in platform.run("validate").stderr


def test_a_dataset_file_is_stored_and_a_clash_of_names_is_said(platform):
    file = platform.repo.parent / "mouse.txt"
    file.write_text("one\n")
    new(platform, "--dataset", str(file))
    file.write_text("two\n")
    done = new(platform, "--dataset", str(file), code=2)
    assert "already names other content" in done.stderr
    assert len(manifests(platform)) == 1


def test_cancel_and_retry_say_what_is_wrong(platform):
    job = platform.job("one", platform.put("a\n"))
    manifest = platform.repo / f"registry/jobs/{job}.yaml"
    before = manifest.read_text()
    for arguments, code, message in [
        (["cancel", "one"], 2, "--reason"),
        (["cancel", "one", "--reason", ""], 10, "reason"),
        (["cancel", "nothing", "--reason", "x"], 2, "names no merged job"),
        (["cancel", "../one", "--reason", "x"], 2, "names no merged job"),
        (["retry", "nothing"], 2, "names no merged job"),
        (["retry", "one", "--name", "../../escape"], 2, "cannot name a job"),
        (["retry", "one", "--name", "Not This"], 2, "cannot name a job"),
    ]:
        extra = [] if arguments == ["cancel", "one"] else ["--no-fetch"]
        done = platform.run("job", *arguments, *extra, code=None)
        assert done.returncode == code, (arguments, done.stderr)
        assert message in done.stderr, (arguments, done.stderr)
        assert manifest.read_text() == before
        assert len(manifests(platform)) == 1, arguments
    platform.run("job", "cancel", "one", "--reason", "no: [x] # 1e3 é", "--commit", "--no-fetch")
    again = platform.run("job", "cancel", "one", "--reason", "x", "--no-fetch", code=2)
    assert "cancelled already" in again.stderr
    assert platform.git("status", "--porcelain") == ""
    platform.reconcile()
    assert platform.job_record(job)["status"] == "cancelled"
    assert "no: [x] # 1e3 é" in platform.job_record(job)["message"]
    first = platform.run("job", "retry", "one", "--no-fetch").stdout.strip()
    month = datetime.now(UTC).strftime("%Y-%m")
    assert first == f"registry/jobs/ada/{month}/one-retry.yaml"
    second = platform.run("job", "retry", "one", "--no-fetch").stdout.strip()
    assert second == f"registry/jobs/ada/{month}/one-retry-02.yaml"


def test_status_has_a_schema_and_follows_to_the_end(platform):
    job = platform.job("watched", platform.put("a\n"), parameters={"seconds": 1.5})
    running = platform.start("reconcile", "--no-fetch")
    try:
        done = platform.run("status", "--no-fetch", "--follow", "watched", timeout=60)
    finally:
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert "running" in done.stdout
    assert done.stdout.rstrip().split("\n")[-1].split()[:3] == ["001-work", "d000.txt", "succeeded"]
    document = json.loads(platform.run("status", "--no-fetch", "--format", "json").stdout)
    assert document["schema"] == "neurocaas/status/v1"
    (row,) = document["jobs"]
    assert row["job"] == job
    assert set(row) == {
        "job", "blueprint", "state", "queue_position", "age_s", "message", "cost_usd", "runs",
    }  # fmt: skip
    assert row["runs"][0]["state"] == "succeeded"
    assert "names no merged job" in platform.run("status", "--no-fetch", "x", code=2).stderr


def make_spec(platform, **changes):
    """Return the spec of a run on the platform's image, as an engine would hand it over."""
    text = (platform.repo / "iae/probe/iae.lock").read_text()
    image = re.search(r"^image: *\"?(?:sha256:)?([0-9a-f]{64})", text, re.MULTILINE)[1]
    (entry,) = platform.put("content\n")
    document = {
        "schema": "neurocaas/run-spec/v1", "job": "ada/2026-11/by-hand", "run": "001-work",
        "step": "work", "image": image,
        "command": yaml.safe_load((platform.repo / "iae/probe/iae.yaml").read_text())["entrypoint"],
        "environment": {"LD_LIBRARY_PATH": "/opt/python/lib"},
        "config": {"schema": "neurocaas/config/v1", "dataset": "dataset/d.txt", "replica": None,
                   "parameters": {"mode": "ok", "seconds": 0}},
        "inputs": [["dataset/d.txt", entry["sha256"], entry["size"]]], "needs": {},
        "outputs_required": ["result.json"],
        "limits": {"memory": 200_000_000, "cpus": 1, "processes": 64, "output_size": 10_000_000,
                   "output_files": 10, "file_size": 10_000_000, "log_size": 100_000,
                   "tmp_size": 10_000_000},
        "max_runtime": 30, "hardware": "laptop", "determinism": "none", "use_cache": True, **changes,
    }  # fmt: skip
    path = platform.repo.parent / "run.json"
    path.write_text(json.dumps(document))
    return document, path


def test_the_worker_executes_a_spec_and_prints_its_record(platform):
    _, path = make_spec(platform)
    done = platform.run("worker", str(path))
    record = json.loads(done.stdout)
    assert record["schema"] == "neurocaas/run-record/v1"
    assert record["status"] == "succeeded"
    assert record["isolation"]["level"] == "sandbox"
    assert record == platform.record("ada/2026-11/by-hand", "001-work")
    assert json.loads(platform.run("worker", str(path)).stdout) == record, "it is not repeated"


def test_the_worker_says_whose_fault_it_is(platform):
    document, path = make_spec(platform)
    document["config"]["parameters"]["mode"] = "exit3"
    path.write_text(json.dumps({**document, "run": "002-fails"}))
    failed = platform.run("worker", str(path), code=12)
    assert json.loads(failed.stdout)["exit_code"] == 3
    assert "ada/2026-11/by-hand#002-fails" in failed.stderr
    for changes, code, message in [
        ({"image": "0" * 64}, 13, "not in the cache"),
        ({"inputs": [["dataset/d.txt", "0" * 64, 1]]}, 13, "not in the store"),
        ({"inputs": [["../../escape", document["inputs"][0][1], 8]]}, 2, "path of an input"),
        ({"inputs": [["config.yaml", document["inputs"][0][1], 8]]}, 2, "path of an input"),
        ({"job": "../../../escape"}, 2, "not a state key"),
        ({"run": "../escape"}, 2, "not a state key"),
        ({"needs": {"steps/x": "001-x"}}, 13, "unfinished"),
        ({"limits": {"unknown": 1}}, 2, "not a run spec"),
        ({"schema": "neurocaas/run-spec/v9"}, 2, "not a run spec"),
        ({"inputs": [["x"]]}, 2, "not a run spec"),
        ({"inputs": 7}, 2, "not a run spec"),
        ({"config": []}, 2, "not a run spec"),
        ({"command": "sh"}, 2, "not a run spec"),
        ({"command": []}, 2, "not a run spec"),
        ({"max_runtime": "long"}, 2, "not a run spec"),
        ({"max_runtime": -1}, 2, "not a run spec"),
        ({"image": 7}, 2, "not a run spec"),
        ({"image": "../../x"}, 2, "not a run spec"),
        ({"environment": ["A=1"]}, 2, "not a run spec"),
        ({"environment": {"A": 1}}, 2, "not a run spec"),
        ({"limits": {"memory": "all"}}, 2, "not a run spec"),
    ]:
        path.write_text(json.dumps({**document, "run": "003-bad", **changes}))
        done = platform.run("worker", str(path), code=None)
        assert done.returncode == code, (changes, done.stdout, done.stderr)
        assert message in done.stderr, (changes, done.stderr)
        assert done.stdout == ""
    for text in ("", "{", "[]", "null", '{"schema": "neurocaas/run-spec/v1"}', "\xff"):
        path.write_text(text, encoding="latin-1")
        assert "not a run spec" in platform.run("worker", str(path), code=2).stderr
    assert platform.run("worker", str(path.with_name("none.json")), code=2).stdout == ""
    assert not list(platform.repo.parent.rglob("escape*"))


def test_an_interrupted_worker_leaves_no_record_and_exits_with_130(platform):
    document, path = make_spec(platform)
    document["config"]["parameters"] = {"mode": "ok", "seconds": 60}
    path.write_text(json.dumps(document))
    process = platform.start("worker", str(path))
    log = platform.state("ada/2026-11/by-hand", "runs", "001-work", "log")
    deadline = time.monotonic() + 30
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "stopped" in errors
    assert not log.with_name("record.json").exists()
    scratch = platform.home / "store/scratch"
    assert list(scratch.iterdir()) == []


def test_a_scaffold_can_be_locked_validated_merged_and_tried(platform, origin):
    platform.git("switch", "-q", "-c", "spikes", "origin/main")
    platform.run("init", "blueprint", "spikes")
    path = platform.repo / "iae/spikes/iae.yaml"
    # Offline there are no Debian packages: the captured interpreter takes their place.
    document = yaml.safe_load(path.read_text())
    probe = yaml.safe_load((platform.repo / "iae/probe/iae.yaml").read_text())
    for key in ("base", "python", "entrypoint", "determinism"):
        document[key] = probe[key]
    path.write_text(yaml.safe_dump(document))
    unlocked = platform.run("validate", code=10)
    assert "iae.lock" in unlocked.stdout
    platform.run("iae", "lock", "spikes")
    platform.run("validate")
    platform.commit("Publish spikes")
    number = platform.run("pr", "open").stdout.strip()
    platform.run("pr", "merge", number)
    done = platform.run("try", "spikes")
    saved = platform.repo / ".neurocaas/try/spikes/result.json"
    assert json.loads(saved.read_text()) == {"column_sums": [8.0, 12.0]}
    assert "succeeded in" in done.stderr


def test_try_says_what_is_wrong(platform):
    for arguments, message in [
        (["nothing"], "no valid environment"),
        (["../probe"], "no valid environment"),
        (["probe", "--param", "mode"], "is not KEY=VALUE"),
        (["probe", "--param", "mode=["], "parameter mode"),
        (["probe", "--dataset", "missing"], "missing"),
    ]:
        done = platform.run("try", *arguments, code=2)
        assert message in done.stderr, (arguments, done.stderr)


def test_reading_commands_leave_the_registry_alone(platform):
    platform.job("one", platform.put("a\n"))
    before = subprocess.run(
        ["git", "status", "--porcelain", "--ignored"], cwd=platform.repo, capture_output=True,
        text=True, check=True,
    ).stdout  # fmt: skip
    for arguments in (["status"], ["data", "ls"], ["validate"], ["explain"]):
        platform.run(*arguments)
    after = subprocess.run(
        ["git", "status", "--porcelain", "--ignored"], cwd=platform.repo, capture_output=True,
        text=True, check=True,
    ).stdout  # fmt: skip
    assert after == before
