"""Values change in a hardware file; everything else stays as somebody wrote it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.errors import UsageError
from neurocaas_ci.hardware.edit import edited, new
from neurocaas_ci.registry.parse import parse

FILE = """\
# The machine of Fig. 3.
schema: neurocaas/hardware/v1
id: m5.large
provider: aws
vcpus: 2
memory: 8GiB   # as they call it
price_usd_per_hour: {standard: 0.096, save: 0.04}  # per hour
source: typed
date: 2026-01-01
"""
VALUES = {"standard": "0.1", "save": "0.05", "source": '"AWS"', "date": '"2026-11-29"'}


def test_only_the_values_change() -> None:
    expected = (
        FILE.replace("0.096", "0.1").replace("0.04}", "0.05}").replace("typed", '"AWS"')
        .replace("2026-01-01", '"2026-11-29"')
    )  # fmt: skip
    assert edited(FILE, VALUES, where="x") == expected
    assert edited(expected, VALUES, where="x") == expected


def test_keys_come_and_go() -> None:
    without = edited(FILE, {"save": None}, where="x")
    assert without == FILE.replace(", save: 0.04", "")
    assert edited(without, {"save": "0.04"}, where="x") == FILE
    assert edited(FILE, {"sha256": '"ab"'}, where="x") == f'{FILE}sha256: "ab"\n'
    assert edited(FILE, {"launch": None}, where="x") == FILE
    assert edited(FILE, {"vcpus": None}, where="x") == FILE.replace("vcpus: 2\n", "")


def test_prices_in_lines() -> None:
    block = FILE.replace(
        "{standard: 0.096, save: 0.04}  # per hour", "\n  standard: 0.096 # was 0.1\n  # spot\n"
    )
    added = edited(block, {"standard": "0.2", "save": "0.05"}, where="x")
    assert added == block.replace("0.096", "0.2").replace(
        "# was 0.1\n", "# was 0.1\n  save: 0.05\n"
    )
    assert edited(added, {"standard": "0.096", "save": None}, where="x") == block


def test_save_may_stand_first() -> None:
    text = FILE.replace("{standard: 0.096, save: 0.04}", "{save: 0.04, standard: 0.096}")
    assert edited(text, {"save": None}, where="x") == FILE.replace(", save: 0.04", "")


def test_the_end_of_a_file_and_its_line_breaks() -> None:
    assert edited(FILE.rstrip("\n"), {"sha256": '"ab"'}, where="x") == f'{FILE}sha256: "ab"'
    windows = FILE.replace("\n", "\r\n")
    assert edited(windows, {"sha256": '"ab"'}, where="x") == f'{windows}sha256: "ab"\r\n'
    last = FILE.replace("date: 2026-01-01\n", "date: 2026-01-01  # day\n")
    assert edited(last, {"sha256": '"ab"'}, where="x") == f'{last}sha256: "ab"\n'


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "price_usd_per_hour: 3", "id: x"])
def test_what_cannot_be_edited(text) -> None:
    with pytest.raises(UsageError):
        edited(text, VALUES, where="x")


def test_a_new_file() -> None:
    text = new({"schema": "neurocaas/hardware/v1", "id": "x", "save": None, "standard": "1"})
    assert text == "schema: neurocaas/hardware/v1\nid: x\nprice_usd_per_hour: {standard: 1}\n"


_NUMBER = st.decimals("0.0001", 99, places=4).map(lambda d: f"{d:f}")
_COMMENT = st.sampled_from(["", "  # note", " # a: {b}"])


@given(_NUMBER, _NUMBER, st.booleans(), st.booleans(), st.none() | _NUMBER, _COMMENT)
def test_what_is_written_is_read_back(old, price, block, saved, save, comment) -> None:
    prices = f"{{standard: {old}{f', save: {old}' * saved}}}"
    if block:
        prices = f"\n  standard: {old}" + f"\n  save: {old}" * saved
    text = f"id: x\nprice_usd_per_hour: {prices}{comment}\ndate: 2026-01-01\n"
    values = {"standard": price, "save": save, "date": '"2026-11-29"', "sha256": '"ab"'}
    document, problems = parse("x", edited(text, values, where="x").encode())
    assert not problems
    wanted = {"standard": float(price)} | ({} if save is None else {"save": float(save)})
    assert document.data == {
        "id": "x", "price_usd_per_hour": wanted, "date": "2026-11-29", "sha256": "ab",
    }  # fmt: skip
    # A line that goes takes its comment along.
    assert comment in edited(text, values, where="x") or (block and saved and save is None)
