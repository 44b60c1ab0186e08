"""Arrays within a tolerance on the norm of each, in npy, npz and text."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from compare_support import (
    CANONICAL,
    array,
    compare,
    gz,
    npy,
    npy_header,
    npz,
    png,
    text,
    zipped,
)
from inline_snapshot import snapshot

VALUES = np.array([3.0, 4.0])


def verdict(tmp_path, one, other, **rule):
    return compare(tmp_path, array(**rule), npy(np.asarray(one)), npy(np.asarray(other))).verdict


@pytest.mark.parametrize(
    ("rule", "moved", "expected"),
    [
        # The norm of (3, 4) is 5, the largest of them 4.
        ({"rtol": 0.1}, [3.0, 4.49], "equivalent"),
        ({"rtol": 0.1}, [3.0, 4.51], "different"),
        ({"rtol": 0.1, "norm": "max"}, [3.0, 4.39], "equivalent"),
        ({"rtol": 0.1, "norm": "max"}, [3.0, 4.41], "different"),
        ({"rtol": 0, "atol": 0.5}, [3.0, 4.5], "equivalent"),
        ({"rtol": 0, "atol": 0.5}, [3.0, 4.5001], "different"),
        ({"rtol": 0.1, "atol": 0.5}, [3.0, 4.99], "equivalent"),
        ({"rtol": 0.1, "atol": 0.5}, [3.0, 5.01], "different"),
        ({"rtol": 0, "atol": 0.5}, [3.4, 4.4], "different"),
        ({"rtol": 0, "atol": 0.5, "norm": "max"}, [3.4, 4.4], "equivalent"),
    ],
)
def test_the_norm_of_the_difference_is_held_against_the_tolerance(tmp_path, rule, moved, expected):
    assert verdict(tmp_path, VALUES, moved, **rule) == expected


def test_the_tolerance_is_relative_to_the_original(tmp_path):
    assert verdict(tmp_path, [1.0], [2.0], rtol=0.6) == "different"
    assert verdict(tmp_path, [2.0], [1.0], rtol=0.6) == "equivalent"


def test_an_element_near_zero_may_move_by_more_than_itself(tmp_path):
    assert verdict(tmp_path, [1.0, 1e-17], [1.0, -3e-17], rtol=1e-15) == "equivalent"


def test_each_array_has_a_norm_of_its_own(tmp_path):
    one, other = npz(large=[1e9], small=[1e-9]), npz(large=[1e9], small=[2e-9])
    found = compare(tmp_path, array(), one, other)
    assert text(found) == snapshot("""\
different: 1 of 2 arrays differs: small.npy
small.npy: 1 of 1 element differs; l2 norm of the difference 1e-09, allowed 1e-17 = 0 + 1e-08 x 1e-09
  expected 1e-09, got 2e-09\
""")
    assert found.facts == snapshot(
        {
            "format": "npz",
            "arrays": {
                "small.npy": {
                    "verdict": "different",
                    "type": "float64",
                    "shape": [1],
                    "elements": 1,
                    "differing": 1,
                    "difference": 1e-09,
                    "norm_of_original": 1e-09,
                    "norm": "l2",
                    "allowed": 1e-17,
                    "largest": 1e-09,
                    "first": {"index": [0], "expected": "1e-09", "actual": "2e-09"},
                    "largest_at": {"index": [0], "expected": "1e-09", "actual": "2e-09"},
                },
                "large.npy": {
                    "verdict": "equivalent",
                    "type": "float64",
                    "shape": [1],
                    "elements": 1,
                    "differing": 0,
                    "difference": 0.0,
                    "norm_of_original": 1000000000.0,
                    "norm": "l2",
                    "allowed": 10.0,
                },
            },
            "total": 2,
            "different": 1,
        }
    )


def test_what_agrees_says_how_close_it_was(tmp_path):
    one, other = npz(x=VALUES, y=VALUES), npz(x=VALUES + 1e-9, y=VALUES + 1e-10)
    found = compare(tmp_path, array(), one, other)
    assert text(found) == snapshot(
        "equivalent: 2 arrays agree; closest to its tolerance is x.npy: "
        "l2 norm of the difference 1.41e-09 of 5e-08 allowed"
    )


def test_without_a_tolerance_values_are_equal_and_bytes_need_not_be(tmp_path):
    assert verdict(tmp_path, [0.0, 1.0], [-0.0, 1.0], rtol=0) == "equivalent"
    assert verdict(tmp_path, [0.0, 1.0], [5e-324, 1.0], rtol=0) == "different"
    assert compare(tmp_path, array(0), npz(x=VALUES), npz(x=VALUES, packed=False)).verdict == (
        "equivalent"
    )


@pytest.mark.parametrize("rule", [{"rtol": 1.0}, {"atol": 1e300}, {"rtol": 1.0, "norm": "max"}])
def test_no_tolerance_covers_nan_and_infinity_at_other_places(tmp_path, rule):
    nan, inf = np.nan, np.inf
    same = [1.0, nan, inf, -inf]
    assert verdict(tmp_path, same, [1.5, nan, inf, -inf], **rule) == "equivalent"
    for other in (
        [1, 2, inf, -inf],
        [1, nan, 3, -inf],
        [1, nan, -inf, -inf],
        [nan, nan, inf, -inf],
    ):
        assert verdict(tmp_path, same, np.array(other, float), **rule) == "different"
        assert verdict(tmp_path, np.array(other, float), same, **rule) == "different"


def test_nan_at_another_place_is_shown(tmp_path):
    one, other = np.array([1.0, 2.0, np.nan]), np.array([1.0, 2.5, 3.0])
    found = compare(tmp_path, array(1), npy(one), npy(other))
    assert text(found) == snapshot("""\
different: 2 of 3 elements differ; l2 norm of the difference 0.5, allowed 2.24 = 0 + 1 x 2.24
first at [1]: expected 2.0, got 2.5
largest difference 0.5, at the same place
1 element that no tolerance covers (NaN, infinite, missing), first at [2]: expected nan, got 3.0\
""")


@pytest.mark.parametrize("norm", ["l2", "max"])
@pytest.mark.parametrize("scale", [1e308, 1e-308, 1e200, 1e-200])
def test_neither_large_nor_small_numbers_lose_their_norm(tmp_path, scale, norm):
    one = np.array([1.0, 1.0, 1.0, -1.0]) * scale
    close, far = one * (1 + 1e-9), one * (1 + 1e-7)
    assert verdict(tmp_path, one, close, norm=norm) == "equivalent"
    assert verdict(tmp_path, one, far, norm=norm) == "different"
    assert verdict(tmp_path, one, -one, norm=norm, rtol=1.0) == "different"


def test_a_large_element_does_not_hide_a_small_difference(tmp_path):
    one, other = np.array([1e200, 1.0]), np.array([1e200, 1.5])
    assert verdict(tmp_path, one, other, rtol=0, atol=0.1) == "different"
    assert verdict(tmp_path, one, other, rtol=0, atol=0.6) == "equivalent"


@pytest.mark.parametrize("norm", ["l2", "max"])
def test_a_difference_beyond_the_range_is_shown(tmp_path, norm):
    one, other = npy(np.array([1e308])), npy(np.array([-1.5e308]))
    found = compare(tmp_path, array(norm=norm), one, other)
    assert "difference 2.50e+308," in found.summary
    assert found.facts["difference"] == "inf"


def test_many_small_differences_add_up_across_blocks(tmp_path):
    one = np.zeros(1_200_000)
    other = np.full_like(one, 1e-3)
    found = compare(tmp_path, array(0, atol=1.0954), npy(one), npy(other))
    assert found.verdict == "different"
    assert found.facts["difference"] == pytest.approx(1e-3 * np.sqrt(1_200_000))
    assert compare(tmp_path, array(0, atol=1.0955), npy(one), npy(other)).verdict == "equivalent"


def test_the_place_of_a_difference_is_right_in_every_block_and_order(tmp_path):
    one = np.zeros((700, 3, 500))
    other = one.copy()
    other[650, 1, 7] = 2
    other[651, 0, 0] = -5
    for left, right in (
        (one, other),
        (np.asfortranarray(one), np.asfortranarray(other)),
        (one, np.asfortranarray(other)),
    ):
        found = compare(tmp_path, array(), npy(left), npy(right))
        first, largest = (found.facts[name]["index"] for name in ("first", "largest_at"))
        assert largest == [651, 0, 0]
        # In column-major order other elements come first.
        assert first == ([651, 0, 0] if not left.flags.c_contiguous else [650, 1, 7])


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "g", "c8", "c16", "G", ">f4", ">c16"])
def test_all_widths_of_numbers_are_measured(tmp_path, kind):
    one = np.array([3, 4], dtype=kind)
    other = one.copy()
    other[1] += 0.5
    assert verdict(tmp_path, one, other, rtol=0.11) == "equivalent"
    assert verdict(tmp_path, one, other, rtol=0.09) == "different"


def test_complex_numbers_count_with_their_absolute_value(tmp_path):
    one, other = np.array([0j]), np.array([3 + 4j])
    for norm in ("l2", "max"):
        assert verdict(tmp_path, one, other, rtol=0, atol=5.0, norm=norm) == "equivalent"
        assert verdict(tmp_path, one, other, rtol=0, atol=4.9, norm=norm) == "different"
    assert verdict(tmp_path, [1 + 1j * np.nan], [1 + 1j * np.nan], rtol=1.0) == "identical"
    assert verdict(tmp_path, [complex(1, np.nan)], [complex(np.nan, 1)], rtol=1.0) == "different"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [1, 3]),
        (np.array([2**63], "u8"), np.array([2**63 + 1], "u8")),
        ([True, False], [True, True]),
        (["a", "b"], ["a", "c"]),
        ([b"a", b"b"], [b"a", b"c"]),
        (np.array(["2020-01-01"], "M8[D]"), np.array(["2020-01-02"], "M8[D]")),
        (np.array([1], "m8[s]"), np.array([2], "m8[s]")),
        (np.array([b"ab"], "V2"), np.array([b"ac"], "V2")),
    ],
)
def test_what_is_no_measurement_is_compared_exactly(tmp_path, one, other):
    assert verdict(tmp_path, one, other, rtol=1.0, atol=1e300) == "different"


def test_differences_of_integers_do_not_wrap(tmp_path):
    one, other = np.array([-(2**63), 0]), np.array([2**63 - 1, 0])
    found = compare(tmp_path, array(), npy(one), npy(other))
    assert found.facts["largest"] == float(2**64 - 1)


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (np.zeros(2), np.zeros(3), "has the shape (2,), in the replay (3,)"),
        (np.zeros(2), np.zeros((2, 1)), "has the shape (2,), in the replay (2, 1)"),
        (np.zeros(2), np.zeros(2, int), "has the type float64, in the replay int64"),
        (np.zeros(2, "i8"), np.zeros(2, "u8"), "has the type int64, in the replay uint64"),
        (np.zeros(2), np.zeros(2, complex), "has the type float64, in the replay complex128"),
        (np.zeros(1, "M8[s]"), np.zeros(1, "M8[D]"), "in the replay datetime64[D]"),
        (np.zeros(1, [("a", "f8")]), np.zeros(1, [("b", "f8")]), "has the type"),
        (np.zeros(1, [("a", "f8")]), np.zeros(1, "f8"), "has the type"),
        (np.zeros(1, [("a", "f8", 2)]), np.zeros(1, [("a", "f8", 3)]), "has the type"),
    ],
)
def test_another_shape_or_kind_is_different(tmp_path, one, other, says):
    found = compare(tmp_path, array(1.0), npy(one), npy(other))
    assert found.verdict == "different"
    assert says in found.summary


def test_other_widths_are_within_the_kind(tmp_path):
    assert verdict(tmp_path, VALUES, VALUES.astype("f4")) == "equivalent"
    assert verdict(tmp_path, np.array([1, -2], "i2"), np.array([1, -2], "i8")) == "equivalent"
    assert verdict(tmp_path, np.array([1, -2], "i2"), np.array([1, -3], "i8")) == "different"
    assert verdict(tmp_path, np.array(["a"], "U1"), np.array(["a"], "U9")) == "equivalent"
    assert verdict(tmp_path, np.array(["a"], "U1"), np.array(["ab"], "U9")) == "different"


@pytest.mark.parametrize("shape", [(0,), (0, 10**18), (), (1, 1)])
def test_empty_arrays_and_scalars(tmp_path, shape):
    data = bytes(8 if 0 not in shape else 0)
    one = npy_header(str(shape), data=data)
    other = npy_header(f"{shape} ", data=data)
    assert compare(tmp_path, array(), one, other).verdict == "equivalent"
    found = compare(tmp_path, array(), one, npy_header("(2,)", data=bytes(16)))
    assert found.verdict == "different"


def test_a_scalar_is_shown_without_a_place(tmp_path):
    found = compare(tmp_path, array(), npy(np.float64(1)), npy(np.float64(2)))
    assert found.details == ("expected 1.0, got 2.0",)


def test_elements_without_bytes_are_not_counted_through(tmp_path):
    one, other = (npy_header(f"({10**15},{end})", "'|V0'") for end in ("", " "))
    assert compare(tmp_path, array(), one, other).verdict == "equivalent"


def test_empty_arrays_in_another_order(tmp_path):
    one = npy_header("(0, 3)")
    other = one.replace(b"False", b"True ")
    assert compare(tmp_path, array(), one, other).verdict == "equivalent"


def test_fields_without_bytes(tmp_path):
    kind = [("nothing", "V0"), ("x", "i4")]
    one, other = np.array([(b"", 1)], kind), np.array([(b"", 2)], kind)
    found = compare(tmp_path, array(), npy(one), npy(other))
    assert found.summary == "1 of 2 fields differs: x"


def test_fields_of_structured_arrays_are_arrays(tmp_path):
    kind = [("t", "f8"), ("p", "f4", (3,)), ("in", [("id", "i8"), ("z", "c16")])]
    one, other = np.zeros(4, kind), np.zeros(4, kind)
    other["t"] = 1e-12
    other["p"][2, 1] = 1
    other["in"]["id"][1] = 9
    found = compare(tmp_path, array(0, atol=1e-9), npy(one), npy(other))
    assert text(found) == snapshot("""\
different: 2 of 4 fields differ: p, in.id
p: 1 of 12 elements differs; l2 norm of the difference 1, allowed 1e-09 = 1e-09 + 0 x 0
  first at [2, 1]: expected 0.0, got 1.0
  largest difference 1, at the same place
in.id: 1 of 4 elements differs
  first at [1]: expected 0, got 9
  largest difference 9, at the same place\
""")


def test_arrays_on_one_side_only_are_named(tmp_path):
    found = compare(tmp_path, array(), npz(a=VALUES, b=VALUES), npz(b=VALUES, c=VALUES))
    assert found.details == (
        "a.npy: is only in the original",
        "c.npy: is only in the replay",
    )


def test_other_members_of_an_npz_have_equal_bytes(tmp_path):
    one = zipped({"x.npy": npy(VALUES), "note": b"1"}, 2000)
    assert (
        compare(tmp_path, array(), one, zipped({"x.npy": npy(VALUES), "note": b"1"}, 2001)).verdict
        == "equivalent"
    )
    found = compare(tmp_path, array(), one, zipped({"x.npy": npy(VALUES), "note": b"2"}))
    assert found.details == ("note: is no array, and its bytes differ",)


def test_arrays_that_are_packed_by_gzip_are_unpacked(tmp_path):
    one, other = gz(npy(VALUES)), gz(npy(VALUES + 1e-9))
    assert compare(tmp_path, array(), one, other, "x.npy.gz").verdict == "equivalent"
    assert compare(tmp_path, array(0), one, other, "x.npy.gz").verdict == "different"
    found = compare(tmp_path, array(), one, npy(VALUES))
    assert text(found) == "different: is packed by gzip on one side only"


@pytest.mark.parametrize(
    ("original", "says"),
    [
        (png(), "the original is png, from which no arrays are read"),
        (b"[1, 2]", "the original is json, from which no arrays are read"),
        (b"hello\nworld\n1,2\nx,y\n", "is no matrix of numbers: row 4 is ['x', 'y']"),
        (b"\xff\xfe\x00", "the original is not sound CSV"),
        (b"", "the original holds no numbers"),
        (npy_header("(4,)", data=bytes(31)), "it ends before its array does"),
        (npy_header("(-1,)"), "a negative length"),
        (npy_header("(1,)", "('<f8', (2,))", bytes(16)), "its type is an array"),
        (b"\x93NUMPY\x09\x00aaaa", "is not sound npy"),
        (npy(np.array([{}]), allow_pickle=True), "pickled Python objects, which are never loaded"),
        (gzip.compress(b"x" * 2000, mtime=0)[:-8], "the original is not sound gzip"),
    ],
)
def test_an_original_without_arrays_makes_it_impossible(tmp_path, original, says):
    found = compare(tmp_path, array(), original, original + b" ")
    assert found.verdict == "impossible"
    assert says in found.summary


def test_a_damaged_replay_is_different(tmp_path):
    for damaged in (npy(VALUES)[:-1], png(), b"x,y\n1,z\n", gz(npy(VALUES))[:-3]):
        assert compare(tmp_path, array(), npy(VALUES), damaged).verdict == "different"
    whole = npz(x=VALUES, packed=False)
    broken = bytearray(whole)
    broken[whole.index(npy(VALUES)) + 130] ^= 1
    found = compare(tmp_path, array(1.0), whole, bytes(broken))
    assert found.verdict == "different"
    assert "Bad CRC-32" in found.summary


def test_a_format_can_be_asked_for(tmp_path):
    found = compare(tmp_path, array(format="npz"), npy(VALUES), npy(VALUES + 1))
    assert "the original is not sound zip" in found.summary


@pytest.mark.parametrize("library", ["numpy", "h5py"])
def test_a_missing_library_says_how_to_get_it(tmp_path, monkeypatch, library):
    monkeypatch.setitem(__import__("sys").modules, library, None)
    data = npy(VALUES) if library == "numpy" else b"\x89HDF\r\n\x1a\n"
    for rule in (array(), CANONICAL):
        found = compare(tmp_path, rule, data, data + b" ")
        assert found.verdict == "impossible"
        assert found.summary == (f"{library} is not installed: pip install 'neurocaas-ci[compare]'")
