"""The process that reads HDF5: bounded, shut off from other files, and it may crash."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest
from compare_hdf5_files import bytes_of, change, rich, write
from compare_support import CANONICAL, array, compare, gz, text, zipped


def test_a_file_in_an_archive_is_read_there(tmp_path):
    one, other = (bytes_of(tmp_path, rich, change("scalar", value)) for value in (1.0, 2.0))
    found = compare(tmp_path, CANONICAL, gz(zipped({"a.h5": one})), gz(zipped({"a.h5": other})))
    assert "/scalar: 1 of 1 element differs" in text(found)
    assert compare(tmp_path, array(), gz(one), gz(other)).verdict == "different"


def test_other_files_are_never_read(tmp_path):
    secret = tmp_path / "secret.h5"
    write(lambda file: file.create_dataset("x", data=np.arange(20.0)))(secret)
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(range(100)))

    def virtual(start):
        def step(file):
            layout = h5py.VirtualLayout((10,), "f8")
            layout[:] = h5py.VirtualSource(secret, "x", (20,))[start : start + 10]
            file.create_virtual_dataset("v", layout)

        return write(step)

    def external(start):
        return write(lambda f: f.create_dataset("e", (10,), "u1", external=[(raw, start, 10)]))

    for make in (virtual, external):
        for rule in (CANONICAL, array()):
            found = compare(tmp_path, rule, make(0), make(1))
            assert found.verdict == "impossible"
            assert "keeps its values in other files, which are not opened" in text(found)


def test_the_kernel_refuses_other_files_once_both_are_open():
    program = (
        "import sys; from neurocaas_ci.audit.compare import hdf5_tree;"
        "hdf5_tree.shut_out_other_files();"
        "\ntry: open('/etc/passwd')\nexcept OSError as error: print(error.strerror)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "Too many open files\n"


def test_a_filter_that_is_not_here_is_not_damage(tmp_path):
    def filtered(value):
        def step(file):
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_chunk((4,))
            plan.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, (0, 0))
            space = h5py.h5s.create_simple((4,))
            h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_INT32, space, plan)
            file["y"] = value

        return write(step)

    found = compare(tmp_path, array(), filtered(1), filtered(1.0))
    assert found.verdict == "different"
    assert "/x: is packed with filter 32008, which is not available here" in text(found)


def test_more_is_declared_than_anybody_reads(tmp_path):
    def huge(chunk):
        return write(lambda f: f.create_dataset("x", (1 << 45,), "f8", chunks=(chunk,)))

    found = compare(tmp_path, array(), huge(1 << 10), huge(1 << 11))
    assert found.verdict == "impossible"
    assert "declares 562,949,953,421,312 bytes" in found.summary


def test_memory_of_the_reader_is_bounded(tmp_path):
    def bomb(count):
        def step(file):
            file.create_dataset("x", (10**6,), h5py.string_dtype(), fillvalue="a" * 10**6)
            file["n"] = count

        return write(step)

    found = compare(tmp_path, array(), bomb(1), bomb(2), memory=1 << 30)
    assert found.verdict in {"impossible", "different"}
    assert "memory" in text(found)


def test_depth_and_number_of_objects_are_bounded(tmp_path):
    def deep(depth):
        return write(lambda file: file.create_group("g/" * depth))

    found = compare(tmp_path, array(), deep(600), deep(601))
    assert found.summary == "groups are nested more than 500 deep"

    def many(count):
        return write(lambda file: [file.create_group(str(n)) for n in range(count)])

    found = compare(tmp_path, array(), many(30), many(31), members=20)
    assert text(found) == "impossible: has too many objects"


def test_a_name_with_a_slash_leads_nowhere(tmp_path):
    def step(file):
        file.create_group("a")
        file["a_b"] = 1.0

    one = bytes_of(tmp_path, step)
    assert one.count(b"a_b\0") == 1
    found = compare(tmp_path, array(), one, one.replace(b"a_b\0", b"a/b\0"))
    assert text(found) == "different: the replay is not sound HDF5 (a name with a slash)"


@pytest.mark.parametrize("rule", [CANONICAL, array()])
def test_a_damaged_file(tmp_path, rule):
    sound = bytes_of(tmp_path, rich)
    for damaged in (sound[:100], sound[:-1], sound[:8] + bytes(100)):
        assert compare(tmp_path, rule, sound, damaged).verdict == "different"
    found = compare(tmp_path, array(), sound[:100], sound)
    assert found.verdict == "impossible"
    assert "the original is not sound HDF5" in found.summary


def test_a_library_that_crashes_or_hangs_is_not_a_verdict_about_the_result(tmp_path, monkeypatch):
    def becomes(program):
        monkeypatch.setattr(
            "neurocaas_ci.audit.compare.hdf5._COMMAND", (sys.executable, "-c", program)
        )
        return text(
            compare(tmp_path, array(), write(rich), write(rich, libver="latest"), seconds=5)
        )

    assert becomes("import os; os.kill(os.getpid(), 11)") == (
        "impossible: the HDF5 library crashed or used up its time (SIGSEGV)"
    )
    assert becomes("raise SystemError('x')") == (
        "impossible: the process that reads HDF5 failed: SystemError: x"
    )
    assert becomes("import time; time.sleep(60)") == (
        "impossible: reading HDF5 took longer than 5 s"
    )
