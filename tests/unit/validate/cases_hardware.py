"""Cases of the rules on hardware: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import sub
from cases_support import Table, bad, good

LARGE = "registry/hardware/large.yaml"

CASES: Table = {
    "NC-H001": (
        (bad(f"{LARGE}:6:41", "`save` costs 4.5 USD", sub(LARGE, "save: 1.5", "save: 4.5")),),
        (good(sub(LARGE, "save: 1.5", "save: 4")),),
    ),
    "NC-H002": (
        (bad(f"{LARGE}:8:7", "no day 2026-02-30", sub(LARGE, "2026-11-01", "2026-02-30")),),
        (good(sub(LARGE, "2026-11-01", "2028-02-29")),),
    ),
}
