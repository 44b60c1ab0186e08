"""Cases of the rules on hardware: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import BLUEPRINT, sub
from cases_support import Table, bad, good

LARGE = "registry/hardware/large.yaml"
_PLACE = "provider: local"
_FARGATE = "provider: aws\nlaunch: fargate"

CASES: Table = {
    "NC-H001": (
        (bad(f"{LARGE}:6:41", "`save` costs 4.5 USD", sub(LARGE, "save: 1.5", "save: 4.5")),),
        (good(sub(LARGE, "save: 1.5", "save: 4")),),
    ),
    "NC-H002": (
        (bad(f"{LARGE}:8:7", "no day 2026-02-30", sub(LARGE, "2026-11-01", "2026-02-30")),),
        (good(sub(LARGE, "2026-11-01", "2028-02-29")),),
    ),
    "NC-H003": (
        (
            bad(f"{LARGE}:4:9", "is `local`", sub(LARGE, _PLACE, f"{_PLACE}\nlaunch: ec2")),
            bad(
                f"{LARGE}:5:7",
                "no graphics processors",
                sub(LARGE, _PLACE, f"{_FARGATE}\ngpus: 1"),
                sub(LARGE, "64GiB", "60GiB"),
                alone=False,
            ),
            bad(f"{LARGE}:6:9", "no task of 8 vCPUs and 64GiB", sub(LARGE, _PLACE, _FARGATE)),
            bad(
                f"{LARGE}:6:9",
                "no task of 8 vCPUs and 18GiB",
                sub(LARGE, _PLACE, _FARGATE),
                sub(LARGE, "64GiB", "18GiB"),
            ),
        ),
        (
            good(sub(LARGE, _PLACE, _FARGATE), sub(LARGE, "64GiB", "60GiB")),
            good(sub(LARGE, _PLACE, "provider: aws\nlaunch: ec2")),
            good(sub(LARGE, _PLACE, "provider: aws")),
        ),
    ),
    "NC-B019": (
        (
            bad(
                f"{BLUEPRINT}:15:49",
                "large has a GPU, which a sandbox does not show",
                sub(LARGE, _PLACE, f"{_PLACE}\ngpus: 1"),
            ),
        ),
        (good(sub(LARGE, _PLACE, f"{_PLACE}\ngpus: 0")),),
    ),
}
