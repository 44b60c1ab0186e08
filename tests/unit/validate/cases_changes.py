"""Cases of the rules on what may change: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import JOB, LINK, put, rm, sub
from cases_support import CERTIFICATE, Table, bad, good

CASES: Table = {
    "NC-C001": (
        (
            bad(f"{JOB}:1:1", "was removed", rm(JOB)),
            bad(
                f"{JOB}:9:1",
                "`parameters` of a merged job was changed",
                sub(JOB, "rounds: 5", "rounds: 6"),
            ),
            bad(
                f"{JOB}:12:1",
                "`retry_of` of a merged job was added",
                sub(JOB, "max_runtime: 30m", "retry_of: ada/2026-11/first"),
                alone=False,
            ),
            bad(f"{JOB}:1:1", "was changed", put(JOB, f"{LINK}other"), alone=False),
        ),
        (
            good(sub(JOB, "30m\n", "30m\ncancelled: {reason: wrong data}\n")),
            good(sub(JOB, "30m\n", "30m  # half an hour\n")),
        ),
    ),
    "NC-C002": (
        (
            bad(f"{CERTIFICATE}:1:1", "was changed", put(CERTIFICATE, "{ }\n")),
            bad(f"{CERTIFICATE}:1:1", "was removed", rm(CERTIFICATE)),
        ),
        (good(put("certificates/ada/2026-11/other.sigstore.json", "{}\n")),),
    ),
}
