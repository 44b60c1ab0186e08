"""Usage as people and programs read it."""

import json
from dataclasses import replace

from inline_snapshot import snapshot

from neurocaas_ci.audit.usage import summarise
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.usage import FinishedJob, UsageScope
from neurocaas_ci.report.usage import as_json, as_text

SCOPE = UsageScope("0123456789abcdef0123456789abcdef01234567")
HOUR = 3_600_000_000
ONE = FinishedJob(
    user="ada", month="2026-01", analysis="kalman-smoother", version="1.0.0", datasets=1, runs=1,
    status="succeeded", compute=HOUR // 2, cpu=HOUR, cost=Microdollars(96_000), local=True,
)  # fmt: skip
JOBS = (
    ONE,
    replace(ONE, month="2026-03", version="1.1.0", status="failed", cost=Microdollars(1)),
    replace(ONE, user="grace", month="2026-03", analysis="pmd", datasets=30, runs=60,
            compute=1234 * HOUR, cost=Microdollars(1_500_000), local=False),
    replace(ONE, user="grace", month="2026-03", analysis="pmd", datasets=3, runs=0, compute=0,
            cpu=0, cost=Microdollars(0), status="cancelled"),
)  # fmt: skip
REPORT = summarise(JOBS, {"ada": "2026-01", "grace": "2025-12"})


def test_the_tables():
    assert as_text(REPORT, SCOPE) == snapshot("""\
Usage, 2026-01 to 2026-03, from the certificates at 0123456789ab (signatures not verified)
4 jobs (1 failed, 1 cancelled) of 2 users with 35 datasets in 62 runs: 1,235.0 compute hours, 3.000 CPU hours, 1.596001 USD
Ran locally: 3; in workflows of a forge: 1

DATASETS PER JOB  JOBS     %  RUNS  COMPUTE h     %  COST USD
1                    2  50.0     2        1.0   0.1  0.096001
2-3                  1  25.0     0        0.0   0.0  0.000000
4-7                  0   0.0     0        0.0   0.0  0.000000
8-15                 0   0.0     0        0.0   0.0  0.000000
16-31                1  25.0    60    1,234.0  99.9  1.500000

MONTH    USERS  NEW  JOBS  COMPUTE h  COST USD
2026-01      1    1     1        0.5  0.096000
2026-02      0    0     0        0.0  0.000000
2026-03      2    0     3    1,234.5  1.500001

ANALYSIS         VERSIONS  USERS  JOBS  FAILED  COMPUTE h  COST USD
pmd                     1      1     2       0    1,234.0  1.500000
kalman-smoother         2      1     2       1        1.0  0.096001
""")


def test_what_was_selected_and_what_could_not_be_read():
    scope = replace(
        SCOPE, since="2026-01", until="2026-02", user="ada", analysis="pmd",
        unreadable=(("certificates/x", "why"),), unreadable_count=1,
    )  # fmt: skip
    assert as_text(summarise([ONE], {}), scope) == snapshot("""\
Usage, 2026-01, from the certificates at 0123456789ab (signatures not verified)
Only: from 2026-01, to 2026-02, user ada, analysis pmd
1 job (0 failed, 0 cancelled) of 1 user with 1 dataset in 1 run: 0.500 compute hours, 1.000 CPU hours, 0.096 USD
Ran locally: 1; in workflows of a forge: 0
NOT COUNTED: 1 certificate that could not be read

DATASETS PER JOB  JOBS      %  RUNS  COMPUTE h      %  COST USD
1                    1  100.0     1      0.500  100.0     0.096

MONTH    USERS  NEW  JOBS  COMPUTE h  COST USD
2026-01      1    0     1      0.500     0.096

ANALYSIS         VERSIONS  USERS  JOBS  FAILED  COMPUTE h  COST USD
kalman-smoother         1      1     1       0      0.500     0.096
""")


def test_nothing_yet():
    assert as_text(summarise([], {}), SCOPE) == snapshot(
        "no finished jobs yet: a job counts from when its certificate is on main\n"
    )
    assert as_text(summarise([], {}), replace(SCOPE, user="\x1b[2J")) == snapshot(
        "no finished jobs of this kind (user \\x1b[2J)\n"
    )


def test_money_is_exact_where_it_is_small_and_in_cents_where_it_is_not():
    small = as_text(summarise([replace(ONE, cost=Microdollars(41_667))], {}), SCOPE)
    assert " 0.041667 USD\n" in small
    large = as_text(summarise([replace(ONE, cost=Microdollars(1_234_041_667))], {}), SCOPE)
    assert " 1,234.04 USD\n" in large


def test_every_table_is_aligned():
    blocks = as_text(REPORT, SCOPE).rstrip("\n").split("\n\n")[1:]
    assert len(blocks) == 3
    for block in blocks:
        assert len({len(line) for line in block.split("\n")}) == 1


def test_json():
    document = json.loads(as_json(REPORT, SCOPE))
    assert [row["datasets_min"] for row in document["parallelism"]] == [1, 2, 4, 8, 16, 32, 64, 128]
    document["parallelism"] = document["parallelism"][4:5]
    document["months"] = document["months"][1:]
    assert document == snapshot(
        {
            "schema": "neurocaas/usage/v1",
            "verified": False,
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "selected": {"since": None, "until": None, "user": None, "analysis": None},
            "total": {
                "users": 2,
                "jobs": 4,
                "failed": 1,
                "cancelled": 1,
                "local": 3,
                "datasets": 35,
                "runs": 62,
                "compute_s": 4446000.0,
                "cpu_s": 10800.0,
                "cost_usd": 1.596001,
            },
            "parallelism": [
                {
                    "datasets_min": 16,
                    "datasets_max": 31,
                    "jobs_share": 0.25,
                    "compute_share": 0.9991902834008097,
                    "jobs": 1,
                    "failed": 0,
                    "cancelled": 0,
                    "local": 0,
                    "datasets": 30,
                    "runs": 60,
                    "compute_s": 4442400.0,
                    "cpu_s": 3600.0,
                    "cost_usd": 1.5,
                }
            ],
            "months": [
                {
                    "month": "2026-02",
                    "users": 0,
                    "new_users": 0,
                    "jobs": 0,
                    "failed": 0,
                    "cancelled": 0,
                    "local": 0,
                    "datasets": 0,
                    "runs": 0,
                    "compute_s": 0.0,
                    "cpu_s": 0.0,
                    "cost_usd": 0.0,
                },
                {
                    "month": "2026-03",
                    "users": 2,
                    "new_users": 0,
                    "jobs": 3,
                    "failed": 1,
                    "cancelled": 1,
                    "local": 2,
                    "datasets": 34,
                    "runs": 61,
                    "compute_s": 4444200.0,
                    "cpu_s": 7200.0,
                    "cost_usd": 1.500001,
                },
            ],
            "analyses": [
                {
                    "analysis": "pmd",
                    "users": 1,
                    "versions": {"1.0.0": 2},
                    "jobs": 2,
                    "failed": 0,
                    "cancelled": 1,
                    "local": 1,
                    "datasets": 33,
                    "runs": 60,
                    "compute_s": 4442400.0,
                    "cpu_s": 3600.0,
                    "cost_usd": 1.5,
                },
                {
                    "analysis": "kalman-smoother",
                    "users": 1,
                    "versions": {"1.0.0": 1, "1.1.0": 1},
                    "jobs": 2,
                    "failed": 1,
                    "cancelled": 0,
                    "local": 2,
                    "datasets": 2,
                    "runs": 2,
                    "compute_s": 3600.0,
                    "cpu_s": 7200.0,
                    "cost_usd": 0.096001,
                },
            ],
            "unreadable": {"count": 0, "first": []},
        }
    )


def test_json_of_nothing_has_the_same_shape():
    empty, full = json.loads(as_json(summarise([], {}), SCOPE)), json.loads(as_json(REPORT, SCOPE))
    assert list(empty) == list(full)
    assert empty["parallelism"][0]["jobs_share"] is None
    assert [list(row) for row in empty["parallelism"]] == [list(row) for row in full["parallelism"]]
