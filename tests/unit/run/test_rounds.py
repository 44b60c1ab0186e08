"""Many jobs are looked at in turns; the one that ends first is concluded first."""

from __future__ import annotations

from neurocaas_ci.run import rounds
from neurocaas_ci.run.rounds import Patience, in_rounds


def test_results_come_as_jobs_end_and_nobody_is_looked_at_after_that(monkeypatch):
    pauses = []
    monkeypatch.setattr(rounds.time, "sleep", pauses.append)
    left = {"slow": 4, "quick": 1, "middle": 2}
    looks = []

    def look(job):
        looks.append(job)
        left[job] -= 1
        return (job if left[job] == 0 else None), False

    assert list(in_rounds(["slow", "quick", "middle"], look, 1.0)) == ["quick", "middle", "slow"]
    assert looks == ["slow", "quick", "middle", "slow", "middle", "slow", "slow"]
    # Where nothing moves, pauses grow, and no longer than they may.
    assert pauses == [0.75, 1.0, 1.0]


def test_a_round_in_which_something_moved_is_followed_soon(monkeypatch):
    pauses = []
    monkeypatch.setattr(rounds.time, "sleep", pauses.append)
    news = iter([False, False, True, False, True])

    def look(_job):
        moved = next(news)
        return ("done" if len(pauses) == 4 else None), moved

    assert list(in_rounds(["job"], look, 9.0)) == ["done"]
    assert pauses == [0.75, 1.125, 0.5, 0.75]


def test_no_job_is_no_round():
    assert list(in_rounds([], lambda _: (None, False), 1.0)) == []


def test_patience_is_for_failures_in_a_row(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(rounds.time, "monotonic", lambda: now[0])
    patience = Patience()
    now[0] = 50.0
    assert not patience.ended()
    now[0] += 599
    assert not patience.ended()
    patience.answered()
    now[0] += 500
    assert not patience.ended()
    now[0] += 601
    assert patience.ended()
