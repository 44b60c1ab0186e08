"""What files mean in their format: the same with other bytes, and not."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from compare_support import (
    CANONICAL,
    compare,
    gz,
    npy,
    npy_header,
    npz,
    png,
    tarred,
    text,
    zipped,
)
from inline_snapshot import snapshot
from scipy.io import savemat

MATRIX = np.arange(6.0).reshape(2, 3)
HEADER = "'<f8', 'fortran_order': False, 'shape': (2,)"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" %s>%s<g id="a"/></svg>'


def mat(date: str, value=1.0) -> bytes:
    file = io.BytesIO()
    savemat(file, {"x": np.full((3, 3), value)})
    data = file.getvalue()
    return f"MATLAB 5.0 MAT-file, {date}".encode().ljust(116) + data[116:]


def versioned(values, version) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, values, version)
    return file.getvalue()


SAME = {
    "gzip, another time": (gz(b"hello", 1), gz(b"hello", 2)),
    "gzip, another name": (gz(b"hello", name="a"), gz(b"hello", name="bb")),
    "gzip, packed otherwise": (gz(b"hello" * 99, level=1), gz(b"hello" * 99, level=9)),
    "gzip in gzip": (gz(gz(b"x", 1)), gz(gz(b"x", 2))),
    "tar in gzip": (gz(tarred({"a": b"x"}, 1)), gz(tarred({"a": b"x"}, 2))),
    "zip, another year": (zipped({"a": b"x"}, 2000), zipped({"a": b"x"}, 2001)),
    "zip, another order": (zipped({"a": b"x", "b": b"y"}), zipped({"b": b"y", "a": b"x"})),
    "zip, packed otherwise": (
        zipped({"a": b"x" * 99}),
        zipped({"a": b"x" * 99}, method=zipfile.ZIP_STORED),
    ),
    "zip of zip": (
        zipped({"a": zipped({"b": b""}, 2000)}),
        zipped({"a": zipped({"b": b""}, 2001)}),
    ),
    "npz, packed otherwise": (npz(x=MATRIX), npz(x=MATRIX, packed=False)),
    "tar, another time": (tarred({"a": b"x"}, 1), tarred({"a": b"x"}, 2)),
    "tar, another owner": (tarred({"a": b"x"}, owner=0), tarred({"a": b"x"}, owner=7)),
    "tar, another order": (tarred({"a": b"x", "l@": b"a"}), tarred({"l@": b"a", "a": b"x"})),
    "npy, in another order": (npy(MATRIX), npy(np.asfortranarray(MATRIX))),
    "npy, another version": (versioned(MATRIX, (1, 0)), versioned(MATRIX, (3, 0))),
    "npy, in another byte order": (npy(MATRIX.astype("<f8")), npy(MATRIX.astype(">f8"))),
    "npy, another header": (
        npy_header("(2,)", data=bytes(16)),
        npy_header("(2, )", data=bytes(16)),
    ),
    "npy, NaN": (npy(np.array([np.nan])), npy(np.array([np.nan]).astype(">f8"))),
    "JSON, order of keys": (b'{"a": 1, "b": [2]}', b'{"b":[2],"a":1}'),
    "JSON, white space": (b"[1, 2]", b"[1,\n 2]\n"),
    "JSON, numbers of equal value": (b"[1, 2.50, 1e3]", b"[1.0, 2.5, 1000]"),
    "JSON, NaN": (b"[NaN, Infinity]", b"[NaN,Infinity]"),
    "JSON, escapes": ('["é"]'.encode(), b'["\\u00e9"]'),
    "PNG, another time": (png((b"tIME", b"1234567")), png((b"tIME", b"7654321"))),
    "PNG, without a text": (png((b"tEXt", b"Software\0x")), png()),
    "MAT, another date": (mat("Mon"), mat("Tue")),
    "XML, comments": (b"<?xml version='1.0'?><a><!-- 1 --></a>", b"<?xml version='1.0'?><a/>"),
    "XML, order of attributes": (SVG % (b"x='1' y='2'", b""), SVG % (b"y='2' x='1'", b"")),
    "SVG, metadata": (
        SVG % (b"", b"<metadata><date>1</date></metadata>"),
        SVG % (b"", b"<metadata><date>2</date></metadata>"),
    ),
}
OTHER = {
    "gzip, content": (gz(b"hello"), gz(b"hallo")),
    "gzip, shorter content": (gz(b"hello"), gz(b"hell")),
    "zip, content": (zipped({"a": b"x"}), zipped({"a": b"y"})),
    "zip, name": (zipped({"a": b"x"}), zipped({"b": b"x"})),
    "zip, more members": (zipped({"a": b"x"}), zipped({"a": b"x", "b": b""})),
    "tar, content": (tarred({"a": b"x"}), tarred({"a": b"y"})),
    "tar, permissions": (tarred({"a": b"x"}, mode=0o644), tarred({"a": b"x"}, mode=0o755)),
    "tar, target": (tarred({"l@": b"a"}), tarred({"l@": b"b"})),
    "tar, kind": (tarred({"a": b""}), tarred({"a@": b"x"})),
    "npy, value": (npy(MATRIX), npy(MATRIX + 1e-300)),
    "npy, type": (npy(MATRIX), npy(MATRIX.astype("f4"))),
    "npy, shape": (npy(MATRIX), npy(MATRIX.T.copy())),
    "npy, sign of zero": (npy(np.array([0.0])), npy(np.array([-0.0]))),
    "npy, NaN with another payload": (npy(np.array([np.nan])), npy(-np.array([np.nan]))),
    "JSON, value": (b'{"a": 1}', b'{"a": 2}'),
    "JSON, last digit": (b"[0.1]", b"[0.10000000000000001]"),
    "JSON, number or text": (b"[1]", b'["1"]'),
    "JSON, number or boolean": (b"[1]", b"[true]"),
    "JSON, NaN or null": (b"[NaN]", b"[null]"),
    "JSON, order of a list": (b"[1, 2]", b"[2, 1]"),
    "PNG, pixels": (png(), png(pixels=b"\0\1\3")),
    "PNG, more data": (png(), png(pixels=bytes(999))),
    "PNG, header without a size": (
        png()[:8] + bytes(4) + b"IHDR" + b"\1\2\3\4",
        png()[:8] + bytes(4) + b"IHDR" + b"\1\2\3\5",
    ),
    "PNG, size": (png(), png(size=(1, 2))),
    "PNG, chunk": (png(), png((b"gAMA", b"\0\0\0\1"))),
    "PNG, one of two chunks": (png((b"sPLT", b"a"), (b"sPLT", b"b")), png((b"sPLT", b"a"))),
    "MAT, value": (mat("Mon", 1.0), mat("Mon", 2.0)),
    "MAT, byte order": (mat("Mon"), mat("Mon")[:126] + b"MI" + mat("Mon")[128:]),
    "XML, text": (b"<?xml version='1.0'?><a>x</a>", b"<?xml version='1.0'?><a>y</a>"),
    "XML, attribute": (SVG % (b"x='1'", b""), SVG % (b"x='2'", b"")),
    "XML, metadata elsewhere": (
        b"<?xml version='1.0'?><a><metadata>1</metadata></a>",
        b"<?xml version='1.0'?><a><metadata>2</metadata></a>",
    ),
    "another format": (gz(b"x"), zipped({"x": b"x"})),
    "unknown format": (b"hello", b"hallo"),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_with_other_bytes_is_equivalent(tmp_path, case):
    one, other = SAME[case]
    assert one != other
    for pair in ((one, other), (other, one)):
        found = compare(tmp_path, CANONICAL, *pair)
        assert found.verdict == "equivalent", found
        assert found.details == ()


@pytest.mark.parametrize("case", OTHER)
def test_another_meaning_is_different(tmp_path, case):
    for pair in (OTHER[case], OTHER[case][::-1]):
        assert compare(tmp_path, CANONICAL, *pair).verdict == "different"


def test_a_difference_deep_inside_is_named(tmp_path):
    one, other = (
        gz(tarred({"a/b.npz": npz(x=MATRIX, y=values), "c": b"same"}))
        for values in ([1, 2], [1, 5])
    )
    found = compare(tmp_path, CANONICAL, one, other, "all.tar.gz")
    assert text(found) == snapshot("""\
different: inside, 1 of 2 members differs: a/b.npz
a/b.npz: 1 of 2 members differs: y.npy
  y.npy: 1 of 2 elements differs
    first at [1]: expected 2, got 5
    largest difference 3, at the same place\
""")
    inside = found.facts["content"]["members"]["a/b.npz"]["members"]["y.npy"]
    assert inside["largest"] == 3


def test_json_differences_are_named_by_path(tmp_path):
    one = {"a": [1, [2, {"b": 0.1}]], "c": 1, "d": [1, 2, 3], "e": "x\n", "f": {}}
    other = {"a": [1, [2, {"b": 0.2}]], "d": [1, 2], "e": "y", "f": [], "g": None}
    found = compare(tmp_path, CANONICAL, json.dumps(one).encode(), json.dumps(other).encode())
    assert text(found) == snapshot("""\
different: 6 values differ
$.a[1][1].b: expected 0.1, got 0.2
$.c: is only in the original
$.d: 3 entries in the original, 2 in the replay
$.e: expected "x\\n", got "y"
$.f: expected an object of 0, got a list of 0
$.g: is only in the replay\
""")
    assert found.facts == {"format": "json", "values": 6}


def test_many_json_differences_are_counted(tmp_path):
    found = compare(tmp_path, CANONICAL, b"[%s0]" % (b"1," * 50), b"[%s0]" % (b"2," * 50))
    assert found.summary == "50 values differ"
    assert found.details[-1] == "... and 40 more"


def test_what_is_not_known_is_compared_as_bytes_and_says_so(tmp_path):
    found = compare(tmp_path, CANONICAL, b"hello", b"hallo")
    assert text(found) == snapshot("""\
different: differs from line 1 on (compared as bytes: no format that is known here)
@@ -1 +1 @@
-hello
+hallo\
""")
    assert found.facts["format"] == "bytes"


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (b'{"a": 1, "a": 2}', "a key stands twice in one object"),
        (b"[1, 2", "JSON"),
        (b"[" * 100_000, "recursion"),
        (gz(b"x" * 1000)[:-9], "gzip"),
        (gz(b"x") + b"trailing", "gzip"),
        (zipped({"a": b"x"})[:-5], "zip"),
        (tarred({"a": b"x"})[:600], "tar"),
        (tarred({"a": b"x"})[:1024] + b"junk" * 256, "no member at byte 1,024"),
        (npy(MATRIX)[:-1], "it ends before its array does"),
        (npy(MATRIX) + b"x", "bytes after the array"),
        (png()[:-3], "cut off"),
        (b"<?xml version='1.0'?><a>", "XML"),
    ],
)
def test_a_damaged_file_is_compared_as_bytes_and_says_why(tmp_path, one, why):
    found = compare(tmp_path, CANONICAL, one, one + b" ")
    assert found.verdict == "different"
    assert "compared as bytes: the original" in found.summary
    assert why in found.summary


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_not_guessed_at(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    found = compare(tmp_path, CANONICAL, file.getvalue(), zipped({"a": b"2"}))
    assert "two members of the name a" in found.summary
    double = tarred({"a": b"1"})[:1024] + tarred({"a": b"2"})
    found = compare(tmp_path, CANONICAL, double, tarred({"a": b"2"}))
    assert "two members of the name a" in found.summary


def test_archives_without_members_agree(tmp_path):
    one = zipped({})
    other = one[:-2] + b"\x01\x00!"
    assert text(compare(tmp_path, CANONICAL, one, other)) == (
        "equivalent: no members on either side"
    )


def test_a_format_can_be_asked_for(tmp_path):
    rule = {**CANONICAL, "format": "json"}
    assert compare(tmp_path, rule, b"1", b"1.0").verdict == "equivalent"
    assert compare(tmp_path, CANONICAL, b"1", b"1.0").verdict == "different"
    found = compare(tmp_path, {**CANONICAL, "format": "zip"}, b"1", b"1.0")
    assert "the original is not sound zip" in found.summary


def test_pickled_objects_are_compared_as_bytes_and_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    one = npy(np.array([Trap()], dtype=object), allow_pickle=True)
    padded = one.replace(b"}  ", b" } ", 1)
    assert one != padded
    assert compare(tmp_path, CANONICAL, one, padded).verdict == "equivalent"
    found = compare(tmp_path, CANONICAL, one, one[:-1] + b"!")
    assert found.verdict == "different"
    assert "never loaded" in found.summary


def test_values_that_only_differ_in_bits_are_called_so(tmp_path):
    found = compare(tmp_path, CANONICAL, npy(np.array([0.0, 1.0])), npy(np.array([-0.0, 1.0])))
    assert found.summary == "1 of 2 elements differs in bits, not in value"


def test_the_padding_of_80_bit_numbers_means_nothing(tmp_path):
    one = np.array([1, np.nan], dtype=np.longdouble)
    other = one.copy()
    other.view(np.uint8).reshape(2, -1)[:, 12:] = 7
    assert npy(one) != npy(other)
    assert compare(tmp_path, CANONICAL, npy(one), npy(other)).verdict == "equivalent"
