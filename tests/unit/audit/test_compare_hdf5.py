"""What counts in an HDF5 file, and what does not."""

from __future__ import annotations

import struct

import h5py
import numpy as np
import pytest
from compare_hdf5_files import VALUES, bytes_of, change, rich, write
from compare_support import CANONICAL, EXACT, array, compare, text
from inline_snapshot import snapshot


@pytest.mark.parametrize("rule", [CANONICAL, array(0)])
@pytest.mark.parametrize(
    "other",
    [
        write(rich, libver="latest"),
        write(lambda file: file.create_dataset("gone", data=VALUES), rich, lambda f: f.pop("gone")),
    ],
)
def test_another_layout_on_disk_is_equivalent(tmp_path, rule, other):
    found = compare(tmp_path, rule, write(rich), other)
    assert text(found) == "equivalent: 23 objects agree"


def test_another_packing_is_equivalent(tmp_path):
    def packed(**how):
        return write(lambda file: file.create_dataset("x", data=VALUES, **how))

    one = packed()
    for how in ({"chunks": (2, 2)}, {"chunks": (6, 10), "compression": "gzip", "shuffle": True}):
        assert compare(tmp_path, CANONICAL, one, packed(**how)).verdict == "equivalent"
        assert compare(tmp_path, CANONICAL, packed(**how), one).verdict == "equivalent"


def test_the_time_of_an_object_does_not_count(tmp_path):
    one = bytes_of(tmp_path, lambda file: file.create_dataset("x", data=VALUES, track_times=True))
    with h5py.File(tmp_path / "made") as file:
        stamp = struct.pack("<I", h5py.h5o.get_info(file["x"].id).ctime)
    assert one.count(stamp) == 1
    other = one.replace(stamp, struct.pack("<I", 1))
    assert compare(tmp_path, CANONICAL, one, other).verdict == "equivalent"


def test_the_date_of_a_matlab_file_does_not_count(tmp_path):
    data = bytes_of(tmp_path, rich, userblock_size=512)

    def dated(date, rest=b"\0\0\0\2IM"):
        head = f"MATLAB 7.3 MAT-file, {date}".encode().ljust(116)
        return (head + bytes(8) + rest).ljust(512, b"\0") + data[512:]

    assert compare(tmp_path, CANONICAL, dated("Mon"), dated("Tue")).verdict == "equivalent"
    found = compare(tmp_path, CANONICAL, dated("Mon"), dated("Tue", b"\0\0\0\2MI"))
    assert text(found) == "different: has other bytes before the HDF5 part"
    own = [word.ljust(512) + data[512:] for word in (b"my block", b"no block")]
    assert compare(tmp_path, CANONICAL, *own).verdict == "different"


CHANGES = {
    "value": (change("scalar", 3.6), "/scalar: 1 of 1 element differs"),
    "width": (change("scalar", np.float32(3.5)), "/scalar: has the type float64, in the replay"),
    "byte order": (
        change("scalar", np.array(3.5, ">f8")),
        "/scalar: is stored in another type, which numpy reads as float64, too",
    ),
    "text": (change("group/names", ["a", "bd"]), "first at [1]: expected b'bc', got b'bd'"),
    "shape without values": (change("zero", np.zeros((0, 4))), "/zero: has the shape (0, 3)"),
    "values": (change("nothing", 1.0), "/nothing: has no values on one side"),
    "type of nothing": (change("nothing", h5py.Empty("f4")), "/nothing: has no values on one"),
    "type": (change("type", np.dtype("f8")), "/type: is another type"),
    "kind of object": (
        change("scalar", h5py.SoftLink("/m")),
        "/scalar: is a data set",
    ),
    "target": (
        change("soft", h5py.SoftLink("/m")),
        "/soft: leads to /nowhere, in the replay to /m",
    ),
    "file": (
        change("external", h5py.ExternalLink("/etc/shadow", "/x")),
        "/external: leads to /etc/passwd:/x, in the replay to /etc/shadow:/x",
    ),
    "copy instead of a link": (change("same", VALUES), "/same: is a hard link"),
    "more": (lambda f: f.create_group("new"), "/new: is only in the replay"),
    "less": (lambda f: f.pop("flags"), "/flags: is only in the original"),
    "attribute": (lambda f: f["group"].attrs.modify("rate", 31.0), "/group@rate: 1 of 1 element"),
    "more attributes": (lambda f: f.attrs.create("a", 1), "/@a: is only in the replay"),
    "reference": (
        lambda f: f["references"].__setitem__(1, f["m"].ref),
        "first at [1]: expected '/group', got '/m'",
    ),
    "length of a list": (
        lambda f: f["lists"].__setitem__(2, [4.0, 5.0]),
        "first at [2]: expected 1 value, got 2 values",
    ),
    "value in a later list": (
        lambda f: f["lists"].__setitem__(2, [4.5]),
        "first at [2, 0]: expected 4.0, got 4.5",
    ),
    "value in a list": (
        lambda f: f["lists"].__setitem__(0, [1.0, 2.0, 3.5]),
        "first at [0, 2]: expected 3.0, got 3.5",
    ),
    "field": (
        change(
            "record", np.array([(1, 2.25, b"x")], dtype=[("a", "i4"), ("b", "f8"), ("c", "S3")])
        ),
        "b: 1 of 1 element differs",
    ),
    "dimension": (lambda f: f["m"].dims[0].detach_scale(f["scale"]), "DIMENSION_LIST"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_every_change_is_found_and_named(tmp_path, case):
    step, says = CHANGES[case]
    found = compare(tmp_path, CANONICAL, write(rich), write(rich, step))
    assert found.verdict == "different"
    assert says in text(found)


def test_differences_are_shown_by_object(tmp_path):
    moved = VALUES.copy()
    moved[5, 7] += 1
    found = compare(
        tmp_path, EXACT, write(rich), write(rich, lambda f: f["m"].write_direct(moved)), "x.h5"
    )
    assert text(found) == snapshot("""\
different: 1 of 23 objects differs: /m
/m: 1 of 60 elements differs; l2 norm of the difference 1
  first at [5, 7]: expected 57.0, got 58.0
  largest difference 1, at the same place\
""")


def test_values_are_held_against_a_tolerance(tmp_path):
    def moved(by):
        def step(file):
            file["m"][...] = VALUES * (1 + by)
            file["lists"][0] = np.array([1.0, 2, 3]) * (1 + by)
            file["group"].attrs["rate"] = 30 * (1 + by)
            file["record"][0] = (1, 2.5 * (1 + by), b"x")

        return write(rich, step)

    assert compare(tmp_path, array(1e-6), write(rich), moved(1e-7)).verdict == "equivalent"
    found = compare(tmp_path, array(1e-8), write(rich), moved(1e-7))
    names = [line.split(":")[0] for line in found.details if line.startswith("/")]
    assert names == ["/lists", "/m", "/record", "/group@rate"]


@pytest.mark.parametrize("case", ["text", "reference", "type of nothing", "less", "target"])
def test_no_tolerance_covers_what_is_no_number(tmp_path, case):
    found = compare(tmp_path, array(1.0, atol=1e9), write(rich), write(rich, CHANGES[case][0]))
    assert found.verdict == "different"


def test_the_kinds_of_objects_have_to_agree_under_a_tolerance(tmp_path):
    def lists(kind):
        return write(lambda file: file.create_dataset("x", (2,), dtype=kind))

    one, other = lists(h5py.vlen_dtype("f8")), lists(h5py.vlen_dtype("i8"))
    assert compare(tmp_path, array(1.0), one, other).verdict == "different"
    assert compare(tmp_path, array(1.0), one, lists(h5py.string_dtype())).verdict == "different"
    assert compare(tmp_path, array(), one, lists(h5py.vlen_dtype("f4"))).verdict == "equivalent"


def test_the_place_of_a_difference_is_right_in_chunks_of_any_shape(tmp_path):
    one = np.zeros((130, 70, 300))
    other = one.copy()
    other[129, 69, 299] = 3
    for chunks in (None, (1, 70, 300), (130, 1, 7), (50, 50, 50)):
        found = compare(
            tmp_path,
            array(),
            write(lambda f, c=chunks: f.create_dataset("x", data=one, chunks=c)),
            write(lambda f: f.create_dataset("x", data=other)),
        )
        assert found.facts["objects"]["/x"]["largest_at"]["index"] == [129, 69, 299]


def test_references_to_nothing_are_equal(tmp_path):
    def step(file):
        file.create_dataset("r", (1,), dtype=h5py.ref_dtype)
        target = file.create_dataset("t", data=1.0)
        file["s"] = np.array([target.ref], dtype=h5py.ref_dtype)
        del file["t"]

    found = compare(tmp_path, CANONICAL, write(step), write(step, libver="latest"))
    assert found.verdict == "equivalent"
    found = compare(tmp_path, CANONICAL, write(step), write(step, lambda f: f.create_group("t")))
    assert "/t: is only in the replay" in text(found)


def test_references_that_cannot_be_named_are_impossible(tmp_path):
    def regions(file):
        file["m"] = VALUES
        file["r"] = np.array([file["m"].regionref[0:2]], dtype=h5py.regionref_dtype)

    found = compare(tmp_path, CANONICAL, write(regions), write(regions, libver="latest"))
    assert found.verdict == "impossible"
    assert "references to regions are not compared" in text(found)

    def objects(file):
        file["m"], file["n"] = 1.0, 2.0
        file["r"] = np.array([file["n"].ref], dtype=h5py.ref_dtype)

    linked = bytes_of(tmp_path, objects)
    with h5py.File(tmp_path / "made") as file:
        m, n = (struct.pack("<Q", h5py.h5o.get_info(file[name].id).addr) for name in "mn")
    assert linked.count(n) == 2
    # Now both names lead to the first, and only the reference to the second.
    unlinked = linked.replace(n, m, 1)
    found = compare(tmp_path, array(), unlinked, linked)
    assert "references to objects without a path are not compared" in text(found)
