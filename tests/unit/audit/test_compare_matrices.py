"""Text of numbers in columns, compared as one array."""

from __future__ import annotations

import pytest
from compare_support import array, compare, text
from inline_snapshot import snapshot


def test_text_in_columns_is_one_array(tmp_path):
    one = b"# x y\n1.0 2.5\n3 4e0\n"
    close = b"# x y\n1.0 2.5000000001\n3.0 4\n"
    assert compare(tmp_path, array(), one, close, "x.txt").verdict == "equivalent"
    found = compare(tmp_path, array(), one, b"# x y\n1.0 2.5\n3 5\n", "x.txt")
    assert text(found) == snapshot("""\
different: 1 of 4 elements differs; l2 norm of the difference 1, allowed 5.68e-08 = 0 + 1e-08 x 5.68
first at [1, 1]: expected 4.0, got 5.0
largest difference 1, at the same place\
""")


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (b"a,b\n1.5,2\n", b"a,c\n1.5,2\n", "begins with [['a', 'b']], the replay with"),
        (b"1.5,2\n", b"1.5,2\n3,4\n", "has the shape (1, 2), in the replay (2, 2)"),
        (b"1.5;2\n3;4\n", b"1.5;2\n3;x\n", "row 2 is ['3', 'x']"),
        (b"1.5\t2\n3\t4\n", b"1.5\t2\n3\n", "row 2 is ['3']"),
        (b"1.5,2\n", b"1.5,\n", "no tolerance covers"),
        (b"1,2\n", b"1,3\n", "1 of 2 elements differs"),
        (b"1,2\n", b"1,2.0000000001\n", "1 of 2 elements differs"),
        (b"9223372036854775808,2\n", b"9223372036854775809,2\n", "1 of 2 elements differs"),
        (b"1.5,10\n2,3\n", b"1.5,10\n2,1_0\n", "row 2 is ['2', '1_0']"),
        (b"1.5,10\n", b"hello\n", "the replay holds no numbers"),
    ],
)
def test_text_that_differs(tmp_path, one, other, says):
    found = compare(tmp_path, array(1e-3), one, other, "x.csv")
    assert found.verdict == "different"
    assert says in text(found)


def test_long_text_is_compared_in_batches(tmp_path):
    rows = [f"{i},{i / 7!r},{-i / 3!r}" for i in range(90_000)]
    moved = [*rows[:80_000], "80000,0.0,0.0", *rows[80_001:]]
    one, other = ("\n".join(part).encode() for part in (rows, moved))
    found = compare(tmp_path, array(), one, other, "x.csv")
    assert found.facts["first"]["index"] == [80_000, 1]
    assert found.facts["shape"] == [90_000, 3]
    assert found.facts["differing"] == 2
