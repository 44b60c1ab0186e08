"""Tables: columns by norm or exactly, rows in order or by key."""

from __future__ import annotations

import pytest
from compare_support import compare, gz, table, text
from inline_snapshot import snapshot

TABLE = b"id,name,rate,count,note\na,Ada,1.5,3,\nb,Bob,2.5,4,x y\nc,Cem,,5,z\n"


def changed(old: bytes, new: bytes) -> bytes:
    assert TABLE.count(old) == 1
    return TABLE.replace(old, new)


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        (table(), changed(b"1.5", b"1.500000001")),
        (table(), changed(b"1.5", b"15e-1")),
        (table(), changed(b",,5", b",nan,5")),
        (table(), TABLE.replace(b"\n", b"\r\n")),
        (table(), b"\xef\xbb\xbf" + TABLE),
        (table(), changed(b"Ada", b'"Ada"')),
        (table(0), changed(b"1.5", b"1.50")),
        (table(0), TABLE[:-1]),
        (table(0), TABLE + b"\n"),
        (table(0, atol=0.1), changed(b"1.5", b"1.59")),
        (table(0, columns={"rate": {"atol": 0.1}}), changed(b"1.5", b"1.59")),
        (table(0, columns={"count": {"rtol": 0.5}}), changed(b"5,z", b"6,z")),
        (table(0, columns={"name": {"ignore": True}}), changed(b"Bob", b"Eve")),
        (table(0, norm="max", atol=0.1), b"id,name,rate,count,note\na,Ada,1.59,3,\nb,Bob,2.59,4,x y\nc,Cem,,5,z\n"),
        (table(key=["id"]), b"id,name,rate,count,note\nc,Cem,,5,z\na,Ada,1.5,3,\nb,Bob,2.5,4,x y\n"),
        (table(key=["id", "count"]), TABLE + b"\r\n"),
    ],
)  # fmt: skip
def test_a_table_that_agrees(tmp_path, rule, other):
    found = compare(tmp_path, rule, TABLE, other, "t.csv")
    assert found.verdict == "equivalent", found


@pytest.mark.parametrize(
    ("rule", "other", "says"),
    [
        (table(), changed(b"1.5", b"1.50001"), "first at row 1: expected 1.5, got 1.50001"),
        (table(1), changed(b"Bob", b"Eve"), "first at row 2: expected 'Bob', got 'Eve'"),
        (table(1), changed(b"x y", b"x  y"), "expected 'x y', got 'x  y'"),
        (table(1), changed(b"5,z", b"6,z"), "first at row 3: expected 5, got 6"),
        (table(1), changed(b"5,z", b"5.0,z"), "expected 5, got '5.0'"),
        (table(1), changed(b"1.5", b""), "no tolerance covers (NaN, infinite, missing)"),
        (table(1), changed(b",,5", b",0,5"), "row 3: expected nan, got 0.0"),
        (table(1), changed(b"1.5", b"one"), "row 1: expected 1.5, got 'one'"),
        (table(1), changed(b"1.5", b"1_5"), "row 1: expected 1.5, got '1_5'"),
        (table(1), changed(b"rate", b"speed"), "column rate is only in the original"),
        (table(1), changed(b"id,name", b"name,id"), "its columns in another order"),
        (table(1), changed(b"b,Bob,2.5,4,x y\n", b""), "1 row only in the original; "),
        (table(1), TABLE + b"d,D,1.0,2,\n", "1 row only in the replay"),
        (table(1), changed(b"b,Bob", b"Bob"), "row 2 has 4 cells, the header 5"),
        (table(1), changed(b"Bob", b'"Bob'), "the replay is not sound CSV"),
        (table(1), changed(b"Bob", b"B\xff"), "the replay is not sound CSV"),
        (table(1), b"", "the replay is no table: it has no header"),
        (table(columns={"rate": {"atol": 0.1}}), changed(b"1.5", b"1.7"), "= 0.1 + 1e-08 x"),
        (table(1, columns={"rate": {"rtol": 0}}), changed(b"1.5", b"1.51"), "rate: 1 of 3"),
        (table(1, columns={"name": {"ignore": True}}), changed(b"Ada,1", b"A,9"), "rate: 1 of 3"),
        (table(1, columns={"nmae": {"ignore": True}}), changed(b"Bob", b"Eve"), "name: 1 of 3"),
        (table(1, key=["id"]), changed(b"b,Bob", b"d,Bob"), "row is only in the original: b"),
        (table(1, key=["id"]), changed(b"b,Bob", b"d,Bob"), "row is only in the replay: d"),
        (table(1, key=["id"]), TABLE + b"a,x,1,2,\n", "the replay has the key a twice"),
        (table(1, key=["count"]), changed(b"4,x", b"4.0,x"), "only in the original: 4"),
    ],
)
def test_a_table_that_differs(tmp_path, rule, other, says):
    found = compare(tmp_path, rule, TABLE, other, "t.csv")
    assert found.verdict == "different"
    assert says in text(found)


def test_differences_are_shown_by_column_and_key(tmp_path):
    other = b"id,name,rate,count,note\nc,Cem,,5,z\na,Ada,1.75,3,\nd,Bob,2.5,4,x y\n"
    found = compare(tmp_path, table(key=["id"]), TABLE, other, "t.csv")
    assert text(found) == snapshot("""\
different: 1 row only in the original; 1 row only in the replay; 1 of 5 columns differs: rate
1 row is only in the original: b
1 row is only in the replay: d
rate: 1 of 2 elements differs; l2 norm of the difference 0.25, allowed 1.5e-08 = 0 + 1e-08 x 1.5
  first at a: expected 1.5, got 1.75
  largest difference 0.25, at the same place\
""")
    assert found.facts["rows_only_in_original"] == 1
    assert found.facts["columns"]["rate"]["first"]["index"] == ["a"]


def test_missing_rows_alone_are_the_summary(tmp_path):
    found = compare(tmp_path, table(key=["id"]), TABLE, changed(b"b,Bob,2.5,4,x y\n", b""), "t.csv")
    assert text(found) == snapshot("""\
different: 1 row only in the original
1 row is only in the original: b\
""")


def test_what_is_ignored_is_named(tmp_path):
    rule = table(columns={"name": {"ignore": True}})
    found = compare(tmp_path, rule, TABLE, changed(b"Bob", b"Eve"), "t.csv")
    assert found.summary == "4 columns agree"
    assert found.facts["ignored"] == ["name"]


def test_a_column_with_one_text_is_text(tmp_path):
    one, other = b"x\n1.5\n-\n", b"x\n1.50\n-\n"
    assert compare(tmp_path, table(1), one, other, "t.csv").verdict == "different"


def test_the_suffix_or_the_format_tells_the_delimiter(tmp_path):
    one, other = b"a,b\tc\n1\t2.0\n", b"a,b\tc\n1\t2.00\n"
    assert compare(tmp_path, table(), one, other, "t.tsv").verdict == "equivalent"
    assert compare(tmp_path, table(format="tsv"), one, other, "t.txt").verdict == "equivalent"
    found = compare(tmp_path, table(), one, other, "t.csv")
    assert text(found) == ("impossible: the original is no table: row 1 has 1 cell, the header 2")
    assert compare(tmp_path, table(), gz(one), gz(other), "t.tsv.gz").verdict == "equivalent"


@pytest.mark.parametrize(
    ("original", "rule", "says"),
    [
        (b"", table(), "has no header"),
        (b"\x89PNG\r\n\x1a\n", table(), "not sound CSV"),
        (b"a,b\n1\n", table(), "row 1 has 1 cell, the header 2"),
        (TABLE, table(key=["ID"]), "the original has no column `ID`, which is its key"),
        (TABLE + b"a,x,1,2,\n", table(key=["id"]), "the original has the key a twice"),
    ],
)
def test_an_original_that_is_no_such_table_makes_it_impossible(tmp_path, original, rule, says):
    found = compare(tmp_path, rule, original, original + b"\n", "t.csv")
    assert found.verdict == "impossible"
    assert says in found.summary


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"rows": 2}, "more than 2 rows cannot be matched by key"),
        ({"table": 20}, "more than 20 bytes cannot be matched by key"),
        ({"columns": 4}, "more than 4 columns"),
    ],
)
def test_bounds_of_a_table(tmp_path, limits, says):
    found = compare(tmp_path, table(key=["id"]), TABLE, TABLE + b"\n", "t.csv", **limits)
    assert found.verdict == "impossible"
    assert says in found.summary


def test_a_long_table_is_compared_in_batches(tmp_path):
    rows = [f"{i},{i / 7!r},k{i}" for i in range(100_000)]
    moved = list(rows)
    moved[99_000] = "99000,0.0,k99000"
    moved[99_999] = "99999,0.0,other"
    one, other = ("\n".join(["a,b,c", *part]).encode() for part in (rows, moved))
    found = compare(tmp_path, table(), one, other, "t.csv")
    assert "first at row 99,001: expected 14142.857142857143, got 0.0" in text(found)
    assert "first at row 100,000: expected 'k99999', got 'other'" in text(found)
    assert found.facts["columns"]["b"]["differing"] == 2
    shuffled = "\n".join(["a,b,c", *reversed(rows)]).encode()
    assert compare(tmp_path, table(key=["c"]), one, shuffled, "t.csv").verdict == "equivalent"


def test_two_columns_of_one_name_are_both_compared(tmp_path):
    one, other = b"x,x\n1.5,2.5\n", b"x,x\n1.5,2.75\n"
    assert compare(tmp_path, table(), one, other, "t.csv").verdict == "different"


def test_whole_numbers_of_any_size_are_exact(tmp_path):
    for digits in (20, 5000):
        one, other = b"x\n" + b"9" * digits + b"\n", b"x\n" + b"9" * (digits - 1) + b"8\n"
        assert compare(tmp_path, table(1), one, other, "t.csv").verdict == "different"
        assert compare(tmp_path, table(1), one, one + b"\n", "t.csv").verdict == "equivalent"
