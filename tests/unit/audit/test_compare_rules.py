"""Which rule a blueprint has for a file, and whether it needs the bytes."""

from __future__ import annotations

import pytest

from neurocaas_ci.audit.compare import needs_content, rule_for
from neurocaas_ci.model.blueprint import OutputRule

OUTPUTS = (
    OutputRule("logs/**", {"kind": "ignore"}),
    OutputRule("*.npz", {"kind": "array"}),
    OutputRule("a*.npz", {"kind": "canonical"}),
    OutputRule("./logs/summary.csv", {"kind": "table"}),
    OutputRule("x[1].npz", {"kind": "ignore"}),
)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("b.npz", "array"),
        ("a.npz", "array"),
        ("sub/b.npz", "exact"),
        ("logs/a", "ignore"),
        ("logs/deep/er/a", "ignore"),
        ("logs/summary.csv", "table"),
        ("x[1].npz", "ignore"),
        ("x1.npz", "array"),
        ("metrics.json", "exact"),
    ],
)
def test_the_exact_name_wins_then_the_first_glob(path, kind):
    assert rule_for(OUTPUTS, path) == {"kind": kind}


def test_nothing_declared_is_exact():
    assert rule_for((), "a") == {"kind": "exact"}


@pytest.mark.parametrize(
    ("kind", "needed"),
    [("exact", False), ("ignore", False), ("canonical", True), ("array", True), ("table", True)],
)
def test_digests_decide_where_only_bytes_count(kind, needed):
    assert needs_content({"kind": kind}) == needed
