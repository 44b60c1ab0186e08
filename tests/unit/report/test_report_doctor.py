"""What people and programs read of diagnoses."""

from __future__ import annotations

import json

from inline_snapshot import snapshot

from neurocaas_ci.model.diagnosis import Diagnosis
from neurocaas_ci.report.doctor import as_json, as_text

FOUND = (
    Diagnosis("git", "ok", "git version 2.39.5"),
    Diagnosis("github-rules", "fail", "main can be\x1b[31m deleted", "Settings > Rules"),
    Diagnosis("disk", "warn", "5.0 GB free", "make room"),
)


def test_text():
    assert as_text(FOUND) == snapshot(
        """\
ok    git           git version 2.39.5
fail  github-rules  main can be\\x1b[31m deleted
                    fix: Settings > Rules
warn  disk          5.0 GB free
                    fix: make room
"""
    )
    assert as_text(()) == ""


def test_json():
    document = json.loads(as_json(FOUND))
    assert document["schema"] == "neurocaas/doctor/v1"
    assert document["counts"] == {"ok": 1, "warn": 1, "fail": 1}
    assert document["checks"][2] == {
        "check": "disk", "state": "warn", "message": "5.0 GB free", "fix": "make room",
    }  # fmt: skip
