"""Checks of jobs follow what the reconciler writes, and never stand in its way."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "run"))
from job_state import JobState
from run_specs import JOB

from neurocaas_ci.cli import job_checks
from neurocaas_ci.cli.job_checks import JobChecks, links_in
from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.run import records
from neurocaas_ci.run.home import Home
from neurocaas_ci.run.pending import Merged

COMMIT = "1" * 40


class Board:
    """Keeps what it is told; out of reach while `down`."""

    def __init__(self):
        self.told = []
        self.asked = 0
        self.down = False
        self.news = threading.Condition()

    def check(self, commit, check):
        with self.news:
            self.asked += 1
            if self.down:
                raise BackendUnavailableError("GitHub does not answer")
            self.told.append((commit, check))
            self.news.notify_all()

    def until(self, wanted):
        """Wait until a check is as it should be; return the newest."""
        with self.news:
            assert self.news.wait_for(lambda: self.told and wanted(self.told[-1][1]), timeout=30)
            return self.told[-1][1]


@pytest.fixture
def job(tmp_path):
    return JobState(Home(tmp_path / "home"))


@pytest.fixture
def board():
    return Board()


def merged(*jobs):
    return [Merged(f"registry/jobs/{job}.yaml", COMMIT, int(time.time())) for job in jobs or [JOB]]


def log(job, run, text, name=JOB):
    path = job.home.state.path(records.log_key(name, run))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def once(job, board, jobs=None, **changes):
    """Return what is said last of a job as it is."""
    checks = JobChecks(board, job.home, jobs or merged(), **changes)
    checks.start()
    checks.close()
    return board.told[-1][1]


def test_from_queued_to_its_end(job, board):
    checks = JobChecks(board, job.home, merged(), pause=0.01)
    checks.start()
    queued = board.until(lambda check: check.status == "queued")
    assert (queued.name, queued.key, queued.conclusion) == (f"job {JOB}", JOB, None)
    job.plan("001-work", "002-work")
    job.record("001-work", {"r": b"1"})
    log(job, "002-work", "2026-11-01T00:00:00.000Z ::progress 0.25 a quarter\n")
    with job.home.state.claim(records.run_key(JOB, "002-work"), wait=False):
        working = board.until(lambda check: "25%" in check.summary)
    assert working.status == "in_progress"
    assert working.title == "running, 1 of 2 runs"
    rows = [line for line in working.summary.splitlines() if line.startswith("| `")]
    assert [row.split("|")[1:4] for row in rows] == [
        [" `002-work` ", " running ", " 25% "], [" `001-work` ", " succeeded ", " 100% "],
    ]  # fmt: skip
    job.record("002-work", {"r": b"2"})
    job.end()
    ended = board.until(lambda check: check.status == "completed")
    assert ended.conclusion == "success"
    assert ended.title.startswith("succeeded, 2 of 2 runs, ")
    count = len(board.told)
    checks.close()
    assert len(board.told) == count, "what has ended is said once"
    assert {commit for commit, _ in board.told} == {COMMIT}


@pytest.mark.parametrize(
    ("status", "conclusion"),
    [("succeeded", "success"), ("failed", "failure"), ("cancelled", "cancelled")],
)
def test_how_a_job_ended_is_said_when_it_closes(job, board, status, conclusion):
    checks = JobChecks(board, job.home, merged(), pause=3600)
    checks.start()
    board.until(lambda check: check.status == "queued")
    job.plan("001-work")
    job.record("001-work", status=status, message="why")
    job.end(status, message="all of it")
    checks.close()
    last = board.told[-1][1]
    assert (last.status, last.conclusion) == ("completed", conclusion)
    assert "`all of it`" in last.summary
    assert len(board.told) == 2


def test_a_failed_job_shows_the_end_of_its_log(job, board):
    job.plan("001-work", "002-work")
    job.record("001-work", {"r": b"1"})
    job.record("002-work", status="failed", message="exit code 3")
    job.end("failed")
    log(job, "001-work", "not this one\n")
    log(job, "002-work", "x" * 10_000 + "\nthe reason\n")
    shown = once(job, board).summary
    assert "exit code 3" in shown
    assert "the reason\n```" in shown
    assert "not this one" not in shown
    assert 4_000 < len(shown) < 6_000


HOSTILE = (
    "```\n# I am a title\n````````\n<script>alert(1)</script>\n"
    "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\n::error file=x::no\n![x](https://evil.example/x.png)\n"
    "\x00\r\nlast\n"
)


def test_a_log_cannot_leave_its_fence(job, board):
    job.plan("001-work")
    job.record("001-work", status="failed", message="`x` | y\n::error::z [a](https://evil.example)")
    job.end("failed", message="``` ::error::z")
    log(job, "001-work", HOSTILE.encode() + b"\xff\xfe")
    shown = once(job, board).summary
    assert all(c == "\n" or c.isprintable() for c in shown)
    before, fence, rest = shown.partition("`" * 9 + "text\n")
    assert fence
    inside, end, after = rest.partition("\n" + "`" * 9)
    assert (end, after) == ("\n" + "`" * 9, "\n")
    assert "# I am a title" in inside
    assert "<script>" in inside
    assert "evil.example/x.png" not in before
    assert not any(line.startswith("::") for line in before.splitlines())


def test_out_of_reach_is_said_once_and_made_up_for(job, board, capsys):
    board.down = True
    checks = JobChecks(board, job.home, merged(), pause=0.01)
    checks.start()
    deadline = time.monotonic() + 30
    while board.asked < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert board.asked >= 3
    assert board.told == []
    board.down = False
    board.until(lambda check: check.status == "queued")
    checks.close()
    said = capsys.readouterr().err
    assert said.count("the checks on GitHub are not up to date: GitHub does not answer") == 1


def test_a_damaged_record_stops_nothing(job, board, capsys):
    """The other jobs are shown; whoever runs the job says what is wrong with it."""
    job.plan("001-work")
    job.record("001-work", {"r": b"1"})
    job.home.state.write(records.job_key(JOB), b"{")
    other = "ada/2026-11/other"
    job.plan("001-work", job=other)
    job.record("001-work", {"r": b"1"}, job=other)
    job.end(job=other)
    last = once(job, board, merged(JOB, other), pause=0.01)
    assert (last.key, last.conclusion) == (other, "success")


def test_out_of_reach_at_the_end_is_not_tried_for_every_job(job, board):
    """Each try waits for half a minute; nobody waits so long for a hundred jobs."""
    names = [f"ada/2026-11/j{k}" for k in range(100)]
    for name in names:
        job.plan("001-work", job=name)
        job.record("001-work", {"r": b"1"}, job=name)
        job.end(job=name)
    board.down = True
    checks = JobChecks(board, job.home, merged(*names), pause=3600)
    checks.start()
    checks.close()
    assert board.asked <= 10


def test_updates_have_a_bound_and_the_end_is_kept(job, board, monkeypatch):
    monkeypatch.setattr(job_checks, "_MOST_UPDATES", 3)
    job.plan("001-work")
    checks = JobChecks(board, job.home, merged(), pause=0.005)
    checks.start()
    with job.home.state.claim(records.run_key(JOB, "001-work"), wait=False):
        deadline = time.monotonic() + 30
        for k in range(100):
            log(job, "001-work", f"2026-11-01T00:00:00.000Z ::progress 0.{k:02} x\n")
            time.sleep(0.01)
            if board.asked > 3 or time.monotonic() > deadline:
                break
    assert len(board.told) <= 3
    job.record("001-work", {"r": b"1"})
    job.end()
    checks.close()
    assert board.told[-1][1].conclusion == "success"
    assert len(board.told) <= 4


def test_the_same_is_not_said_twice(job, board):
    job.plan("001-work")
    checks = JobChecks(board, job.home, merged(), pause=0.01)
    checks.start()
    board.until(lambda check: check.status == "in_progress")
    time.sleep(0.2)
    checks.close()
    assert len(board.told) == 1


def test_links(job, board):
    environment = {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://git.example.org"}
    shown = once(job, board, links_of=links_in(environment, "acme/registry")).summary
    assert "(https://git.example.org/acme/registry/actions/runs/7)" in shown
    path = f"certificates/{JOB}.sigstore.json"
    assert f"(https://git.example.org/acme/registry/blob/main/{path})" in shown
    assert set(links_in({}, "acme/registry")(JOB)) == {"the certificate, once it is signed"}
