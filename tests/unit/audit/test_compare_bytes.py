"""Byte for byte, and what is shown of a difference."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from compare_support import CANONICAL, EXACT, array, compare, gz, npz, table, text
from inline_snapshot import snapshot

from neurocaas_ci.audit.compare import compare_files

LINES = b"".join(b"line %d\n" % number for number in range(1, 1001))


@pytest.mark.parametrize("rule", [EXACT, CANONICAL, array(), table()])
def test_equal_bytes_are_identical_whatever_they_hold(tmp_path, rule):
    found = compare(tmp_path, rule, b"\x93NUMPY is not read", b"\x93NUMPY is not read")
    assert text(found) == "identical: 18 bytes, all equal"
    assert found.kind == rule["kind"]


def test_empty_files_are_identical(tmp_path):
    assert compare(tmp_path, EXACT, b"", b"").verdict == "identical"


def test_what_is_ignored_is_not_opened(tmp_path):
    found = compare_files({"kind": "ignore"}, tmp_path / "no", tmp_path / "none", "figure.png")
    assert found.verdict == "ignored"


def test_text_is_shown_as_a_unified_diff(tmp_path):
    changed = LINES.replace(b"line 500\n", b"line five hundred\nand more\n")
    found = compare(tmp_path, EXACT, LINES, changed, "log.txt")
    assert text(found) == snapshot("""\
different: differs from line 500 on
@@ -497,7 +497,8 @@
 line 497
 line 498
 line 499
-line 500
+line five hundred
+and more
 line 501
 line 502
 line 503
... (more is not shown)\
""")
    assert found.facts == {"first_byte": 4388, "size": 8893, "replay_size": 8911, "line": 500}


def test_a_long_diff_is_cut(tmp_path):
    found = compare(tmp_path, EXACT, LINES, LINES.replace(b"line", b"row"), "log.txt")
    assert len(found.details) == 21
    assert found.details[-1] == "... (more is not shown)"


def test_a_line_that_is_added_at_the_end_is_the_only_difference(tmp_path):
    found = compare(tmp_path, EXACT, b"one\ntwo\n", b"one\ntwo\nthree\n", "log.txt")
    assert found.details == ("@@ -1,2 +1,3 @@", " one", " two", "+three")


def test_a_missing_line_end_is_told_in_words(tmp_path):
    found = compare(tmp_path, EXACT, b"one\ntwo\n", b"one\ntwo", "log.txt")
    assert found.details == ("only the empty lines at the end differ",)


def test_a_long_line_is_shown_around_the_difference(tmp_path):
    before, after = b"x" * 10_000, b"y" * 10_000
    found = compare(
        tmp_path, EXACT, b"head\n" + before + b"A" + after, b"head\n" + before + b"B" + after
    )
    assert found.summary == "differs from line 2 on"
    assert found.details[0] == "at byte 10,001 of the line:"
    assert found.details[1] == f"- ...{'x' * 60}A{'y' * 59}..."
    assert found.details[2] == f"+ ...{'x' * 60}B{'y' * 59}..."


def test_nothing_that_a_terminal_obeys_is_shown(tmp_path):
    found = compare(tmp_path, EXACT, "a\x1b[31mred\u202e".encode(), "a\x1b[31mREd\u202e".encode())
    assert found.details[1] == "-a\\x1b[31mred\\u202e"


def test_letters_that_are_cut_by_the_window_do_not_make_it_binary(tmp_path):
    letters = "é".encode() * 100_000
    for shift in (b"", b"x"):
        found = compare(tmp_path, EXACT, shift + letters, shift + letters[:-2] + b"!!")
        assert found.summary == "differs from line 1 on"


def test_binary_files_are_shown_as_the_row_that_differs(tmp_path):
    data = bytes(range(256)) * 10
    found = compare(tmp_path, EXACT, data, data[:2304] + b"!" * 256)
    assert text(found) == snapshot("""\
different: 255 of 2,560 bytes differ, the first at 2,304
- 00000900  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  |................|
+ 00000900  21 21 21 21 21 21 21 21 21 21 21 21 21 21 21 21  |!!!!!!!!!!!!!!!!|\
""")
    assert found.facts["bytes"] == 255


def test_a_file_that_ends_early_is_shown_with_both_sizes(tmp_path):
    data = bytes(range(256)) * 10
    found = compare(tmp_path, EXACT, data, data[:2304])
    assert text(found) == snapshot("""\
different: differs from byte 2,304 on; the original has 2,560 bytes, the replay 2,304
- 00000900  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  |................|
+ (ends)\
""")


def test_a_difference_beyond_the_first_megabyte_is_found(tmp_path):
    data = bytearray(3 << 20)
    other = bytearray(data)
    other[(2 << 20) + 5] = other[-1] = 1
    found = compare(tmp_path, EXACT, bytes(data), bytes(other))
    assert found.facts["first_byte"] == (2 << 20) + 5
    assert found.facts["bytes"] == 2


def test_an_exact_array_file_is_looked_into(tmp_path):
    one = npz(mean=[[0.0, 1.0], [2.0, 3.0]], rate=[1.0])
    other = npz(mean=[[0.0, 1.0], [2.5, 3.0]], rate=[1.0])
    assert text(compare(tmp_path, EXACT, one, other, "result.npz")) == snapshot("""\
different: 1 of 2 members differs: mean.npy
mean.npy: 1 of 4 elements differs; l2 norm of the difference 0.5
  first at [1, 0]: expected 2.0, got 2.5
  largest difference 0.5, at the same place\
""")


def test_an_exact_table_is_shown_by_column_and_as_text(tmp_path):
    found = compare(tmp_path, EXACT, b"id,x\na,1.5\nb,2.5\n", b"id,x\na,1.5\nb,2.75\n", "t.csv")
    assert text(found) == snapshot("""\
different: 1 of 2 columns differs: x
x: 1 of 2 elements differs; l2 norm of the difference 0.25
  first at row 2: expected 2.5, got 2.75
  largest difference 0.25, at the same place
@@ -1,3 +1,3 @@
 id,x
 a,1.5
-b,2.5
+b,2.75\
""")


def test_an_exact_file_that_says_the_same_is_still_different(tmp_path):
    found = compare(tmp_path, EXACT, gz(b"x", 1), gz(b"x", 2), "x.gz")
    assert found.verdict == "different"
    assert "only written differently" in found.summary
    found = compare(tmp_path, EXACT, b"a,b\n1,2\n", b"a,b\r\n1,2\r\n", "x.csv")
    assert found.verdict == "different"
    assert "only written differently" in found.summary


def test_an_exact_file_that_cannot_be_looked_into_is_shown_as_bytes(tmp_path):
    bomb = gz(bytes(100_000))
    found = compare(tmp_path, EXACT, bomb, gz(bytes(100_001)), unpacked=1000)
    assert found.verdict == "different"
    assert "bytes" in found.summary


def test_a_missing_replay_is_different_and_a_missing_original_impossible(tmp_path):
    there = tmp_path / "there"
    there.write_bytes(b"x")
    missing = tmp_path / "missing"
    found = compare_files(EXACT, there, missing, "x")
    assert (found.verdict, found.summary) == ("different", "the replay is missing")
    found = compare_files(EXACT, missing, there, "x")
    assert (found.verdict, found.summary) == ("impossible", "the original is missing")


def test_only_regular_files_are_read(tmp_path):
    there, link, pipe = (tmp_path / name for name in ("there", "link", "pipe"))
    there.write_bytes(b"x")
    link.symlink_to(there)
    os.mkfifo(pipe)
    said = {
        link: "the replay cannot be read: a symbolic link",
        pipe: "the replay is not a regular file",
        tmp_path: "the replay is not a regular file",
    }
    for path, text_of in said.items():
        found = compare_files(EXACT, there, path, "x")
        assert (found.verdict, found.summary) == ("different", text_of)
        assert compare_files(EXACT, path, there, "x").verdict == "impossible"


def test_a_full_disk_is_not_a_verdict_about_the_files(tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    found = compare(tmp_path, CANONICAL, gz(b"x"), gz(b"y"))
    assert text(found) == "impossible: cannot be read here: No space left on device"


def test_numpy_is_not_loaded_before_arrays_are_compared(tmp_path):
    for name, data in (("a", b"x\n"), ("b", b"y\n")):
        (tmp_path / name).write_bytes(data)
    program = (
        "import sys; from pathlib import Path; from neurocaas_ci.audit.compare import compare_files;"
        "found = compare_files({'kind': 'exact'}, Path('a'), Path('b'), 'x.txt');"
        "print(found.verdict, sorted({'numpy', 'h5py'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout == "different []\n"
