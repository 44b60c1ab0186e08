"""Cases of the rules on slips in a job: registries that break one, and ones near by that do not."""

from __future__ import annotations

import hashlib

from builder import D1, ENSEMBLE, NEW_JOB, Edit, new_job, put, sub
from cases_support import Table, bad, good

EMPTY = hashlib.sha256(b"").hexdigest()
CANCELLED = new_job(("30m\n", "30m\ncancelled: {reason: other data}\n"))
RETRY = ("30m\n", "30m\nretry_of: ada/2026-11/first\n")


def _many(replicas: str) -> tuple[Edit, ...]:
    """Ask for a number of replicas of two datasets that the blueprint allows."""
    return (
        sub(ENSEMBLE, "version: 1.0.0", "version: 1.0.1"),
        sub(ENSEMBLE, "minimum: 1, maximum: 9", "minimum: 1, maximum: 1000000000"),
        sub(ENSEMBLE, "max_cost_usd: 50", "max_cost_usd: 1000000"),
        new_job(
            ("demo@1.0.0", "voted@1.0.1"),
            ("{rounds: 5}", f"{{replicas: {replicas}}}"),
            ("hardware: {count: large}\n", ""),
        ),
    )


CASES: Table = {
    "NC-J012": (
        (
            bad(
                f"{NEW_JOB}:10:10",
                "has no `max_runtime`",
                new_job(("pricing: standard", "pricing: save"), ("max_runtime: 30m\n", "")),
            ),
        ),
        (
            good(new_job(("pricing: standard", "pricing: save"))),
            good(new_job(("max_runtime: 30m\n", ""))),
        ),
    ),
    "NC-J013": (
        (bad(f"{NEW_JOB}:13:1", "is cancelled already", CANCELLED),),
        (
            good(
                sub(NEW_JOB, "30m\n", "30m\ncancelled: {reason: other data}\n"),
                before=(new_job(),),
            ),
        ),
    ),
    "NC-J014": (
        (bad(f"{NEW_JOB}:7:36", "digest of an empty file", new_job((D1, EMPTY))),),
        (good(new_job()),),
    ),
    "NC-J016": (
        (
            bad(
                f"{NEW_JOB}:7:3",
                "the job would become 2000000002 runs, more than 50000",
                *_many("1000000000"),
            ),
        ),
        (good(*_many("20000")),),
    ),
    "NC-J015": (
        (
            bad(
                f"{NEW_JOB}:12:11",
                "is a job of demo, not of voted",
                new_job(RETRY, ("demo@1.0.0", "voted@1.0.0"), ("hardware: {count: large}\n", "")),
            ),
        ),
        (
            good(new_job(RETRY)),
            good(new_job(RETRY), sub(ENSEMBLE, "title: Demo", "# x\ntitle: Demo")),
            good(new_job(RETRY), put(NEW_JOB.replace("second", "x"), "broken: [\n")),
        ),
    ),
}
