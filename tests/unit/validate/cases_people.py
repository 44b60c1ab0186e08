"""Cases of the rules on users and groups: registries that break one, and ones near by that do not."""

from __future__ import annotations

from builder import sub
from cases_support import ADA, LAB, Table, bad, good

CASES: Table = {
    "NC-U001": (
        (
            bad(f"{LAB}:5:16", "no user `gracy`", sub(LAB, "grace", "gracy"), alone=False),
            bad(f"{LAB}:5:11", "does not list the group", sub(ADA, "[lab]", "[]")),
            bad(
                f"{ADA}:6:10",
                "does not list `ada`",
                sub(LAB, "[ada, grace]", "[grace]"),
                alone=False,
            ),
            bad(f"{ADA}:6:15", "no group `lub`", sub(ADA, "[lab]", "[lab, lub]")),
        ),
        (good(sub(LAB, "[ada, grace]", "[grace, ada]")),),
    ),
    "NC-U002": (
        (
            bad(
                "registry/users/grace.yaml:3:11",
                "is that of `ada`",
                sub("registry/users/grace.yaml", "forge_id: 2", "forge_id: 1"),
            ),
        ),
        (good(sub("registry/users/grace.yaml", "forge_id: 2", "forge_id: 3")),),
    ),
    "NC-U003": (
        (bad(f"{LAB}:6:20", "no blueprint `votes`", sub(LAB, "voted", "votes")),),
        (good(sub(LAB, ", voted", "")),),
    ),
}
