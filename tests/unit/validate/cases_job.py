"""Cases of the rules on jobs: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import D1, D2, NEW_JOB, mv, new_job, sub
from cases_support import ADA, LAB, Table, bad, blueprint, good, new_version

CASES: Table = {
    "NC-J001": (
        (
            bad(
                "registry/jobs/grace/2026-11/second.yaml:3:7",
                "folder is that of `grace`",
                new_job(),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
        ),
        (
            good(
                new_job(("user: ada", "user: grace")),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
        ),
    ),
    "NC-J002": (
        (
            bad(
                "registry/jobs/ada/2026-13/second.yaml:1:1",
                "is no month",
                new_job(),
                mv(NEW_JOB, "registry/jobs/ada/2026-13/second.yaml"),
            ),
        ),
        (good(new_job(), mv(NEW_JOB, "registry/jobs/ada/2026-12/second.yaml")),),
    ),
    "NC-J003": (
        (
            bad(f"{NEW_JOB}:4:8", "no group `lub`", new_job(("group: lab", "group: lub"))),
            bad(
                "registry/jobs/bob/2026-11/second.yaml:3:7",
                "no user `bob`",
                new_job(("user: ada", "user: bob"), ("group: lab\n", "")),
                mv(NEW_JOB, "registry/jobs/bob/2026-11/second.yaml"),
            ),
            bad(
                f"{NEW_JOB}:4:8",
                "not a member",
                sub(LAB, "[ada, grace]", "[grace]"),
                sub(ADA, "[lab]", "[]"),
                new_job(),
            ),
        ),
        (good(new_job(("group: lab\n", ""))),),
    ),
    "NC-J004": (
        (
            bad(f"{NEW_JOB}:5:12", "no published version", new_job(("demo@1.0.0", "demo@2.0.0"))),
            bad(f"{NEW_JOB}:5:12", "no blueprint `dome`", new_job(("demo@1.0.0", "dome@1.0.0"))),
        ),
        (
            good(*new_version(new_job(("demo@1.0.0", "demo@1.1.0")))),
            good(*new_version(new_job())),
        ),
    ),
    "NC-J005": (
        (
            bad(
                "registry/jobs/grace/2026-11/second.yaml:5:12",
                "not open to `grace`",
                *blueprint("stage: open", "stage: develop"),
                new_job(("user: ada", "user: grace"), ("demo@1.0.0", "demo@1.1.0")),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
            bad(f"{NEW_JOB}:5:12", "does not pay", sub(LAB, "[demo, voted]", "[voted]"), new_job()),
        ),
        (
            good(
                *blueprint("stage: open", "stage: invited"),
                new_job(("user: ada", "user: grace"), ("demo@1.0.0", "demo@1.1.0")),
                mv(NEW_JOB, "registry/jobs/grace/2026-11/second.yaml"),
            ),
        ),
    ),
    "NC-J006": (
        (
            bad(
                f"{NEW_JOB}:11:19", "no allowed hardware", new_job(("count: large", "count: huge"))
            ),
            bad(f"{NEW_JOB}:11:20", "no step `counts`", new_job(("count: large", "counts: large"))),
            bad(
                f"{NEW_JOB}:10:10",
                "no price for `save`",
                new_job(("pricing: standard\nhardware: {count: large}", "pricing: save")),
            ),
        ),
        (good(new_job(("pricing: standard", "pricing: save"))),),
    ),
    "NC-J007": (
        (bad(f"{NEW_JOB}:8:36", "dataset of entry 1 again", new_job((D2, D1))),),
        (good(new_job(("two.csv", "one.csv"))),),
    ),
    "NC-J008": (
        (
            bad(f"{NEW_JOB}:7:11", "does not accept `one.npz`", new_job(("one.csv", "one.npz"))),
            bad(f"{NEW_JOB}:7:110", "larger than 2MB", new_job(("size: 10", "size: 2000001"))),
            bad(f"{NEW_JOB}:7:110", "is empty", new_job(("size: 10", "size: 0"))),
        ),
        (good(new_job(("size: 10", "size: 2000000"))),),
    ),
    "NC-J009": (
        (
            bad(f"{NEW_JOB}:9:22", "must be at most 9", new_job(("rounds: 5", "rounds: 10"))),
            bad(f"{NEW_JOB}:9:14", "no parameter `round`", new_job(("rounds: 5", "round: 5"))),
            bad(f"{NEW_JOB}:9:22", "must be a whole number", new_job(("rounds: 5", "rounds: '5'"))),
            bad(
                f"{NEW_JOB}:9:13",
                "more than 200 characters",
                new_job(("rounds: 5", f"label: {'a' * 201}")),
                alone=False,
            ),
        ),
        (good(new_job(("{rounds: 5}", "{}"))),),
    ),
    "NC-J010": (
        (
            bad(f"{NEW_JOB}:12:14", "stops every run after 1h", new_job(("30m", "61m"))),
            bad(
                f"{NEW_JOB}:7:3",
                "may cost 4.00 USD",
                *blueprint("max_cost_usd: 50", "max_cost_usd: 3.5"),
                new_job(("demo@1.0.0", "demo@1.1.0")),
            ),
        ),
        (
            good(
                *blueprint("max_cost_usd: 50", "max_cost_usd: 4"),
                new_job(("demo@1.0.0", "demo@1.1.0")),
            ),
        ),
    ),
    "NC-J011": (
        (
            bad(
                f"{NEW_JOB}:13:11",
                "no job `ada/2026-11/zero`",
                new_job(("30m\n", "30m\nretry_of: ada/2026-11/zero\n")),
            ),
            bad(
                f"{NEW_JOB}:13:11",
                "cannot be retried",
                new_job(("30m\n", "30m\nretry_of: ada/2026-11/second\n")),
            ),
            bad(
                f"{NEW_JOB}:13:11",
                "cannot be retried",
                new_job(("30m\n", "30m\nretry_of: grace/2026-11/x\n")),
            ),
        ),
        (good(new_job(("30m\n", "30m\nretry_of: ada/2026-11/first\n"))),),
    ),
}
