"""docs/reference/compare.md says what the schema and the bounds are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from neurocaas_ci import schemas
from neurocaas_ci.audit.compare import Limits

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "compare.md").read_text()
RULE = schemas.load("blueprint")["properties"]["outputs"]["items"]["properties"]["compare"]


def test_every_kind_has_a_row():
    rows = re.findall(r"^\| `(\w+)` \| (?:identical|ignored) \|", PAGE, re.MULTILINE)
    assert rows == RULE["properties"]["kind"]["enum"]


def test_every_format_is_described_under_its_kind():
    formats = {
        entry["if"]["properties"]["kind"]["enum"][0]: entry["then"]["properties"]["format"]["enum"]
        for entry in RULE["allOf"]
        if isinstance(entry["then"]["properties"].get("format"), dict)
    }
    assert set(formats) == {"canonical", "array", "table"}
    section = PAGE.partition("| `kind: canonical` |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == formats["canonical"]
    for kind in ("array", "table"):
        (paragraph,) = re.findall(rf"^`kind: {kind}` reads (.*?)(?:\.| \()", PAGE, re.MULTILINE)
        assert sorted(re.findall(r"`(\w+)`", paragraph)) == formats[kind]


@pytest.mark.parametrize(
    ("row", "field", "unit"),
    [
        ("bytes unpacked", "unpacked", "GiB"),
        ("one member", "spooled", "GiB"),
        ("JSON or XML", "document", "MiB"),
        ("members of an archive", "members", ""),
        ("archives within", "depth", ""),
        ("columns of a table", "columns", ""),
        ("a table with", "table", "MiB"),
        ("a table with", "rows", "rows"),
        ("memory and time", "memory", "GiB"),
        ("memory and time", "seconds", "s"),
    ],
)
def test_the_bounds_are_the_real_ones(row, field, unit):
    (said,) = re.findall(rf"^\| {row}.*\| (.*) \|$", PAGE, re.MULTILINE)
    scale = {"GiB": 1 << 30, "MiB": 1 << 20}.get(unit, 1)
    value = getattr(Limits(), field)
    assert value % scale == 0
    assert re.search(rf"\b{value // scale:,}{' ' + unit if unit else ''}\b", said)
