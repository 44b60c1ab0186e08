"""Live progress is read from the tail of a log, whatever else a workflow prints."""

from __future__ import annotations

import pytest

from neurocaas_ci.run.progress import last_progress

STAMP = "2026-11-23T10:00:00.000Z "


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("", None),
        ("hello\n", None),
        ("::progress 0.42 fitting\n", (0.42, "fitting")),
        ("::progress 0.1 a\nother\n::progress 0.2\n", (0.2, "")),
        ("::progress 1.7 too much\n", (1.0, "too much")),
        ("::progress -1 no\n", None),
        ("::progress nan no\n", None),
        ("::progress 0.3 whole\n::progress 0.9 half a li", (0.3, "whole")),
    ],
)
def test_last_complete_line_counts(tmp_path, log, expected):
    path = tmp_path / "log"
    path.write_text("".join(STAMP + line for line in log.splitlines(keepends=True)))
    assert last_progress(path) == expected


def test_only_the_tail_is_read(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"::progress 0.5 early\n" + b"x" * (1 << 20) + b"\n")
    assert last_progress(path) is None


def test_no_log_no_progress(tmp_path):
    assert last_progress(tmp_path / "missing") is None
