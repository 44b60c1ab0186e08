"""The worker claims, runs once, records, and says whose fault a failure is.

The runs are real ones without isolation (shell scripts), so that these tests run anywhere.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from run_specs import JOB, make_spec

from neurocaas_ci.errors import BackendUnavailableError, IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.run import InputFile
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.processors import Processors
from neurocaas_ci.run.sandbox import Sandbox
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.worker import InterruptedRunError, Worker

WRITE = 'echo started; echo "$$" > "$NEUROCAAS_OUTPUTS/pid"; cp -r "$NEUROCAAS_INPUTS/." "$NEUROCAAS_OUTPUTS/seen"; chmod -R u+w "$NEUROCAAS_OUTPUTS/seen"'
QUICK = 'echo result > "$NEUROCAAS_OUTPUTS/result"'


class Place:
    """A store that nobody's uid can reach, and workers on it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.home = Home(folder)
        self.sandbox = sandbox
        self.stop, self.cancel = threading.Event(), threading.Event()

    def execute(self, spec):
        with Scratch(self.home.scratch) as scratch:
            return self.worker(scratch).execute(spec)

    def worker(self, scratch):
        return Worker(
            blobs=self.home.blobs, state=self.home.state, scratch=scratch, sandbox=self.sandbox,
            root_of=lambda _: Path("/"), logs=self.home.logs, stop=self.stop,
            cancel=self.cancel, processors=Processors(4),
        )  # fmt: skip

    def put(self, path, data):
        blob = self.home.blobs.put(io.BytesIO(data))
        return InputFile(path, blob.sha256, blob.size)

    def recorded(self, run="001-work"):
        return self.home.state.read(records.record_key(JOB, run))

    def content(self, record, path):
        (digest,) = (o.sha256 for o in record.outputs if o.path == path)
        return self.home.blobs.open(digest).read()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    return Sandbox.probe("none", tmp_path_factory.mktemp("scratch"))


@pytest.fixture
def place(sandbox):
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-worker-"))
    folder.chmod(0o755)
    yield Place(folder, sandbox)
    assert list((folder / "store/scratch").iterdir()) == [], "an attempt was left behind"
    shutil.rmtree(folder, ignore_errors=True)


def script(text, **changes):
    environment = {"PATH": "/usr/bin:/bin", **changes.pop("environment", {})}
    return make_spec(command=("/bin/sh", "-c", text), environment=environment, **changes)


def test_a_run_is_recorded_after_its_outputs_are_stored(place):
    file = place.put("dataset/d.csv", b"1,2\n")
    record = place.execute(script(WRITE, inputs=(file,), config={"a": 1}))
    assert (record.status, record.reason, record.exit_code) == ("succeeded", "exited", 0)
    assert {o.path for o in record.outputs} == {"pid", "seen/config.yaml", "seen/dataset/d.csv"}
    assert place.content(record, "seen/dataset/d.csv") == b"1,2\n"
    assert records.decode_record(place.recorded()) == record
    assert record.attempt == 1
    assert record.isolation.level == "none"
    assert set(record.stages) == {"stage_in", "sandbox_start", "script", "hash_store"}
    log = place.home.blobs.open(record.log.sha256).read()
    assert log.endswith(b"started\n")
    assert hashlib.sha256(log).hexdigest() == record.log.sha256


def test_a_finished_run_is_not_repeated(place):
    spec = script(WRITE, use_cache=False)
    first = place.execute(spec)
    assert place.execute(spec) == first


def test_a_run_with_a_damaged_output_is_repeated(place):
    spec = script(QUICK, use_cache=False)
    first = place.execute(spec)
    stored = place.home.blobs.path(first.outputs[0].sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"damage")
    again = place.execute(spec)
    assert place.home.state.read(records.attempt_key(spec.job, spec.run)) == b"2"
    # A certificate may name the first record; the same results are no reason to change it.
    assert again == first
    assert again.outputs == first.outputs
    assert place.content(again, "result") == b"result\n"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": "neurocaas/run-record/v1"}'])
def test_a_damaged_record_does_not_count(place, damage):
    spec = script(QUICK, use_cache=False)
    first = place.execute(spec)
    place.home.state.write(records.record_key(JOB, "001-work"), damage)
    assert place.execute(spec).outputs == first.outputs


def test_the_same_computation_is_taken_over(place):
    first = place.execute(script(QUICK))
    second = place.execute(script(QUICK, job="ada/2026-11/other", run="007-work"))
    assert second.taken_from == f"{JOB}#001-work"
    assert second.outputs == first.outputs
    third = place.execute(script(QUICK, job="ada/2026-11/third"))
    assert third.taken_from == f"{JOB}#001-work", "the source is named, not the last taker"
    fresh = place.execute(script(QUICK, job="ada/2026-11/fresh", use_cache=False))
    assert fresh.taken_from is None


def test_a_failed_run_is_never_taken_over(place):
    failed = place.execute(script("exit 3"))
    assert (failed.status, failed.reason, failed.exit_code) == ("failed", "nonzero_exit", 3)
    assert place.execute(script("exit 3", job="ada/2026-11/other")).taken_from is None


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("exit 3", {}, "nonzero_exit"),
        ("kill -9 $$", {}, "killed"),
        ("sleep 30", {"max_runtime": 1}, "time_limit"),
        (f"{QUICK}; ln -s /etc/passwd $NEUROCAAS_OUTPUTS/link", {}, "bad_output"),
        ("true", {"outputs_required": ("result.json",)}, "missing_output"),
        ("/nowhere/at-all", {}, "nonzero_exit"),
    ],
)
def test_what_a_workflow_does_wrong_is_its_record(place, text, changes, reason):
    record = place.execute(script(text, **changes))
    assert (record.status, record.reason) == ("failed", reason)
    assert record.message
    assert records.decode_record(place.recorded()) == record


def test_a_failed_need_skips_the_run(place):
    place.execute(script("exit 3", run="001-one", step="one"))
    record = place.execute(script(QUICK, run="001-two", needs={"steps/one": "001-one"}))
    assert (record.status, record.reason) == ("skipped", "upstream_failed")
    assert "001-one" in record.message
    assert record.log is None


def test_a_need_that_was_cancelled_cancels_the_run(place):
    place.cancel.set()
    place.execute(script(QUICK, run="001-one", step="one"))
    place.cancel.clear()
    record = place.execute(script(QUICK, run="001-two", needs={"steps/one": "001-one"}))
    assert (record.status, record.reason) == ("cancelled", "cancelled")


def test_a_workflow_that_the_engine_ends_with_its_worker_is_no_failed_run(place):
    """Slurm signals every process of a job: the workflow may be gone first."""
    with Scratch(place.home.scratch) as scratch:
        worker = place.worker(scratch)._replace(machine={"kernel": "Linux"})
        threading.Timer(0.4, place.stop.set).start()
        with pytest.raises(InterruptedRunError):
            worker.execute(script("sleep 0.2; kill -TERM $$; sleep 5"))
    assert place.recorded() is None


def test_the_machine_that_an_engine_chose_is_in_the_record_and_no_other(place):
    with Scratch(place.home.scratch) as scratch:
        worker = place.worker(scratch)._replace(machine={"kernel": "Linux 9"})
        record = worker.execute(script(QUICK))
    assert records.decode_record(place.recorded()) == record
    assert record.machine == {"kernel": "Linux 9"}
    place.execute(script(QUICK, run="002-work", use_cache=False))
    assert b'"machine"' not in place.recorded("002-work")


def test_a_need_that_has_not_run_is_an_error_and_no_record(place):
    with pytest.raises(IntegrityError, match="001-one, which it needs, is unfinished"):
        place.execute(script(QUICK, needs={"steps/one": "001-one"}))
    assert place.recorded() is None


def test_outputs_of_a_need_are_inputs(place):
    place.execute(script(QUICK, run="001-one"))
    record = place.execute(script(WRITE, run="001-two", needs={"steps/one": "001-one"}))
    assert place.content(record, "seen/steps/one/result") == b"result\n"


@pytest.mark.parametrize(
    ("path", "digest", "error"),
    [
        ("dataset/d", "0" * 64, IntegrityError),
        ("../escape", None, UsageError),
        ("config.yaml", None, UsageError),
    ],
)
def test_bad_inputs_leave_no_record(place, path, digest, error):
    good = place.put(path, b"x")
    file = InputFile(path, Sha256(digest) if digest else good.sha256, 1)
    with pytest.raises(error):
        place.execute(script(QUICK, inputs=(file,)))
    assert place.recorded() is None
    assert not place.home.state.held(records.run_key(JOB, "001-work"))


def test_stopped_before_and_while_running_leaves_no_record(place):
    place.stop.set()
    with pytest.raises(InterruptedRunError):
        place.execute(script(QUICK))
    place.stop.clear()
    threading.Timer(0.5, place.stop.set).start()
    with pytest.raises(InterruptedRunError):
        place.execute(script("sleep 30"))
    assert place.recorded() is None
    place.stop.clear()
    assert place.execute(script(QUICK)).attempt == 2


def test_cancelled_before_and_while_running_is_recorded(place):
    place.cancel.set()
    record = place.execute(script(QUICK))
    assert (record.status, record.reason, record.log) == ("cancelled", "cancelled", None)
    place.cancel.clear()
    threading.Timer(0.5, place.cancel.set).start()
    record = place.execute(script("echo begun; sleep 30", run="002-work"))
    assert (record.status, record.reason) == ("cancelled", "cancelled")
    assert place.home.blobs.open(record.log.sha256).read().endswith(b"begun\n")


def test_a_cancelled_run_keeps_the_last_words_of_its_interrupted_attempt(place):
    spec = script("echo begun; sleep 30")
    threading.Timer(0.5, place.stop.set).start()
    with pytest.raises(InterruptedRunError):
        place.execute(spec)
    place.stop.clear()
    place.cancel.set()
    with Scratch(place.home.scratch) as scratch:
        record = place.worker(scratch).settle(spec)
    assert (record.status, record.reason) == ("cancelled", "cancelled")
    assert place.home.blobs.open(record.log.sha256).read().endswith(b"begun\n")
    assert place.home.logs.open(records.log_key(JOB, spec.run)) is None


def test_a_full_disk_is_the_failure_of_the_machine(place, monkeypatch):
    full = os.statvfs_result((4096, 4096, 1000, 10, 10, 100, 50, 50, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: full)
    for text in ("exit 1", "sleep 30"):
        with pytest.raises(BackendUnavailableError, match="disk is nearly full"):
            place.execute(script(text))
    assert place.recorded() is None
    assert place.execute(script(QUICK, run="002-work")).status == "succeeded"


def test_two_workers_run_it_once(place):
    spec = script(f"sleep 0.3; {WRITE}", use_cache=False)
    results = []
    with Scratch(place.home.scratch) as scratch:
        worker = place.worker(scratch)
        threads = [
            threading.Thread(target=lambda: results.append(worker.execute(spec))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(results) == 4
    assert all(record == results[0] for record in results)
    assert results[0].attempt == 1
