"""A certificate becomes a fact about usage, or it is refused with a reason."""

import json

import pytest
from usage_jobs import make_certificate

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.harvest import first_months
from neurocaas_ci.audit.usage import class_of, finished_job, summarise
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.usage import PARALLELISM, FinishedJob, Tally


def test_what_a_certificate_says():
    statement = make_certificate(
        "grace/2026-03/x", reference="pmd@2.1.0", datasets=3, seconds=(1.5, 0.25, 2.0),
        cost=0.1 + 0.2, status="failed",
    )  # fmt: skip
    assert finished_job(read_certificate(statement)) == FinishedJob(
        user="grace", month="2026-03", analysis="pmd", version="2.1.0", datasets=3, runs=3,
        status="failed", compute=3_750_000, cpu=7_500_000, cost=Microdollars(300_000), local=True,
    )  # fmt: skip


def test_a_hosted_runner_is_not_local():
    statement = json.loads(make_certificate())
    statement["predicate"]["runDetails"]["builder"]["id"] = "urn:neurocaas:builder:github-hosted:v1"
    assert not finished_job(read_certificate(json.dumps(statement).encode())).local


def test_a_job_without_any_run_counts():
    job = finished_job(read_certificate(make_certificate(seconds=(), cost=0, status="cancelled")))
    assert (job.runs, job.compute, job.cost, job.status) == (0, 0, 0, "cancelled")


def _damaged(change):
    statement = json.loads(make_certificate())
    notes = {b["name"]: b for b in statement["predicate"]["runDetails"]["byproducts"]}
    change(statement, notes["job-record.json"]["annotations"],
           notes["records/001-smooth.json"]["annotations"])  # fmt: skip
    return json.dumps(statement).encode()


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("status", "finished", "does not say how the job ended"),
        ("status", ["failed"], "does not say how the job ended"),
        ("status", None, "does not say how the job ended"),
        ("cost_usd", -0.01, "cost_usd of -0.01, which cannot be"),
        ("cost_usd", 10**99, r"cost_usd of 1e\+99, which cannot be"),
        ("cost_usd", 1e300, r"cost_usd of 1e\+300, which cannot be"),
        ("cost_usd", True, "has no number cost_usd"),
        ("cost_usd", "12", "has no number cost_usd"),
        ("wall_s", -1, "wall_s of -1, which cannot be"),
        ("wall_s", 1e10, r"wall_s of 1e\+10, which cannot be"),
        ("wall_s", None, "has no number wall_s"),
        ("cpu_s", {"a": 1}, "has no number cpu_s"),
    ],
)
def test_amounts_that_cannot_be_are_refused(key, value, reason):
    def change(_, job, run):
        (run if key.endswith("_s") else job)[key] = value

    with pytest.raises(NotACertificateError, match=reason):
        finished_job(read_certificate(_damaged(change)))


def test_a_job_without_its_record_is_refused():
    def change(statement, _job, _run):
        byproducts = statement["predicate"]["runDetails"]["byproducts"]
        byproducts[:] = [b for b in byproducts if b["name"] != "job-record.json"]

    with pytest.raises(NotACertificateError, match="does not say how the job ended"):
        finished_job(read_certificate(_damaged(change)))


@pytest.mark.parametrize("month", ["1999-12", "2100-01", "9999-99", "2026-00", "2026-13"])
def test_a_month_of_another_century_is_refused(month):
    with pytest.raises(NotACertificateError, match="not one of this century"):
        finished_job(read_certificate(make_certificate(f"ada/{month}/x")))


def test_a_job_without_datasets_is_refused():
    with pytest.raises(NotACertificateError, match="no dataset"):
        finished_job(read_certificate(make_certificate(datasets=0)))


def test_classes_of_parallelism_are_those_of_the_paper():
    assert [class_of(n) for n in (1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 127, 128, 10**6)] == [
        0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 7,
    ]  # fmt: skip
    assert [row.label for row in summarise((), {}).parallelism] == [
        "1", "2-3", "4-7", "8-15", "16-31", "32-63", "64-127", "128+",
    ]  # fmt: skip
    assert PARALLELISM == (1, 2, 4, 8, 16, 32, 64, 128)


def test_nothing_gives_empty_sums():
    report = summarise((), {})
    assert (report.total, report.users, report.months, report.analyses) == (Tally(), 0, (), ())


def test_the_first_month_of_a_user():
    jobs = ["ada/2026-03/x", "ada/2025-12/y", "grace/2026-01/z", "ada/2026-01/y"]
    assert first_months(jobs) == {"ada": "2025-12", "grace": "2026-01"}
