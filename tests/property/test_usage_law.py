"""The sums over finished jobs are those that a slow recount gives, in any order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.audit.usage import summarise
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.usage import FinishedJob

_AMOUNT = st.integers(0, 10**13)
_JOB = st.builds(
    FinishedJob,
    user=st.sampled_from("abcd"),
    month=st.builds("{:04d}-{:02d}".format, st.integers(2019, 2022), st.integers(1, 12)),
    analysis=st.sampled_from(["pmd", "dgp", "yass"]),
    version=st.sampled_from(["1.0.0", "1.1.0"]),
    datasets=st.integers(1, 300),
    runs=st.integers(0, 900),
    status=st.sampled_from(["succeeded", "failed", "cancelled", "skipped"]),
    compute=_AMOUNT,
    cpu=_AMOUNT,
    cost=_AMOUNT.map(Microdollars),
    local=st.booleans(),
)


def _recount(jobs):
    """Return the fields of a tally, one by one."""
    return (
        len(jobs),
        len([j for j in jobs if j.status == "failed"]),
        len([j for j in jobs if j.status == "cancelled"]),
        len([j for j in jobs if j.local]),
        *(sum(getattr(j, name) for j in jobs) for name in ("datasets", "runs", "compute", "cpu", "cost")),
    )  # fmt: skip


@given(st.lists(_JOB, max_size=40), st.randoms(use_true_random=False))
def test_sums_are_those_of_a_recount(jobs, chance: random.Random):
    joined = {user: min(j.month for j in jobs if j.user == user) for user in {j.user for j in jobs}}
    report = summarise(iter(jobs), joined)
    assert report.total == _recount(jobs)
    assert report.users == len(joined)
    for row in report.parallelism:
        most = float("inf") if row.most is None else row.most
        assert row.tally == _recount([j for j in jobs if row.least <= j.datasets <= most])
    assert sum(row.tally.jobs for row in report.parallelism) == len(jobs)
    for row in report.months:
        here = [j for j in jobs if j.month == row.month]
        assert row.tally == _recount(here)
        assert row.users == len({j.user for j in here})
    assert sum(row.new_users for row in report.months) == len(joined)
    names = [row.month for row in report.months]
    assert {j.month for j in jobs} <= set(names)
    assert names == sorted(set(names))
    if names:
        assert (names[0], names[-1]) == (min(j.month for j in jobs), max(j.month for j in jobs))
        span = [int(name[:4]) * 12 + int(name[5:]) for name in names]
        assert span == list(range(span[0], span[-1] + 1))
    for row in report.analyses:
        here = [j for j in jobs if j.analysis == row.name]
        assert row.tally == _recount(here)
        assert row.users == len({j.user for j in here})
        assert row.versions == {
            version: len([j for j in here if j.version == version])
            for version in sorted({j.version for j in here})
        }
    assert len(report.analyses) == len({j.analysis for j in jobs})
    chance.shuffle(jobs)
    assert summarise(jobs, joined) == report


@given(st.lists(_JOB, min_size=1, max_size=20), st.integers(2019, 2022))
def test_a_user_is_new_once_whatever_is_selected(jobs, year):
    joined = {user: min(j.month for j in jobs if j.user == user) for user in {j.user for j in jobs}}
    whole = {row.month: row.new_users for row in summarise(jobs, joined).months}
    part = [j for j in jobs if j.month >= f"{year}-06"]
    for row in summarise(part, joined).months:
        assert row.new_users == whole[row.month]
