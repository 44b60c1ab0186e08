"""What status says follows from records, claims and logs alone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from job_state import JobState
from run_specs import JOB

from neurocaas_ci.executors.interface import Placement
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import Merged
from neurocaas_ci.run.status import view_job, view_jobs


@pytest.fixture
def job(tmp_path):
    return JobState(Home(tmp_path / "home"))


def merged(job=JOB, seconds=100):
    return Merged(f"registry/jobs/{job}.yaml", "1" * 40, int(time.time()) - seconds)


def view(job):
    return view_job(job.home, merged())


def log_path(job, run):
    path = job.home.state.path(records.log_key(JOB, run))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_merged_job_that_nobody_took_up_is_queued(job):
    shown = view(job)
    assert (shown.state, shown.runs, shown.cost_usd) == ("queued", (), None)
    assert 100 <= shown.age < 160


def test_a_job_that_was_cancelled_before_it_began(job):
    job.end("cancelled", message="wrong data")
    shown = view(job)
    assert (shown.state, shown.message, shown.cost_usd) == ("cancelled", "wrong data", 0.0)
    assert shown.position is None


def test_between_records_and_claims(job):
    """One run has ended, one is held, one was interrupted, one never began."""
    job.plan("001-work", "002-work", "003-work", "004-work")
    job.record("001-work", {"r": b"1"})
    began = datetime.now(UTC) - timedelta(seconds=30)
    stamp = began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    log_path(job, "002-work").write_text(f"{stamp} ::progress 0.25 a quarter\n")
    log_path(job, "003-work").write_text(f"{stamp} ::progress 0.9 nearly\n")
    with job.home.state.claim(records.run_key(JOB, "002-work"), wait=False):
        shown = view(job)
    assert shown.state == "running"
    assert [run.state for run in shown.runs] == ["succeeded", "running", "interrupted", "queued"]
    assert [run.fraction for run in shown.runs] == [1.0, 0.25, None, None]
    assert shown.runs[1].message == "a quarter"
    assert 29 < shown.runs[1].seconds < 60
    assert shown.count("succeeded") == 1
    assert shown.count("queued", "interrupted") == 2
    assert view(job).state == "interrupted"
    assert "goes on where it stopped" in view(job).message


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_an_ended_job_is_what_its_record_says(job, status):
    job.plan("001-work")
    job.record("001-work", status=status, message="why")
    job.end(status, message="all of it")
    shown = view(job)
    assert (shown.state, shown.message, shown.cost_usd) == (status, "all of it", 0.5)
    assert shown.position is None
    assert shown.runs[0].message == "why"


def test_a_taken_run_says_from_where(job):
    job.plan("001-work")
    job.record("001-work", taken_from="bo/2026-10/x#001-work")
    assert view(job).runs[0].message == "same as bo/2026-10/x#001-work"


def test_places_in_the_queue_count_what_has_not_ended(job):
    names = [f"ada/2026-11/{name}" for name in ("done", "first", "second", "gone", "third")]
    job.plan("001-work", job=names[0])
    job.end(job=names[0])
    job.end("cancelled", job=names[3])
    shown = view_jobs(job.home, [merged(name) for name in names])
    assert [v.position for v in shown] == [None, 0, 1, None, 2]


@pytest.mark.parametrize(
    "line", [b"", b"no time\n", b"\xff\xfe\n", b"2026-99-99T99:99:99.999Z x\n"]
)
def test_a_strange_live_log_does_no_harm(job, line):
    job.plan("001-work")
    log_path(job, "001-work").write_bytes(line)
    with job.home.state.claim(records.run_key(JOB, "001-work"), wait=False):
        (run,) = view(job).runs
    assert (run.state, run.seconds, run.fraction) == ("running", None, None)


def test_a_workflow_cannot_write_to_the_terminal_through_its_progress(job):
    job.plan("001-work")
    log_path(job, "001-work").write_bytes(b"x ::progress 0.5 \x1b[2Jgone\x07 \xe2\x80\xae evil\n")
    with job.home.state.claim(records.run_key(JOB, "001-work"), wait=False):
        (run,) = view(job).runs
    assert run.message.isprintable()
    assert "gone" in run.message


def test_what_an_engine_has_is_queued_or_running_with_its_reason(job):
    job.plan("001-work", "002-work", "003-work")
    job.record("003-work")
    placements = {
        "001-work": Placement("001-work", "running", machine="n7", handle="4_0"),
        "002-work": Placement("002-work", "queued", "other jobs are before it (Priority)"),
        "003-work": Placement("003-work", "ended"),
    }
    shown = view_job(job.home, merged(), standing=lambda _: placements)
    assert shown.state == "running"
    assert [(r.state, r.message) for r in shown.runs[:2]] == [
        ("running", "on n7"), ("queued", "other jobs are before it (Priority)")
    ]  # fmt: skip
    assert shown.runs[2].state == "succeeded"
    lost = {"001-work": Placement("001-work", "ended", "its node failed (NODE_FAIL)")}
    shown = view_job(job.home, merged(), standing=lambda _: lost)
    assert (shown.state, shown.runs[0].state) == ("interrupted", "interrupted")
    assert shown.runs[0].message == "its node failed (NODE_FAIL)"
