"""A machine is used for the first time once, and what cannot be shown is not claimed."""

from __future__ import annotations

import json
import threading

from neurocaas_ci.run.first_use import note_use

JOB = "ada/2026-11/j"


def test_only_the_first_use_is_the_first(tmp_path):
    folder = tmp_path / "machine"
    first = note_use(folder, JOB, "001-work")
    assert (first["first"], first["before"], first["others"]) == (True, 0, 0)
    again = note_use(folder, JOB, "001-work")
    assert (again["first"], again["before"], again["others"]) == (False, 1, 0)
    other = note_use(folder, JOB, "002-work")
    assert (other["first"], other["before"], other["others"]) == (False, 2, 2)
    lines = (folder / "uses.jsonl").read_text().splitlines()
    assert [json.loads(line)["run"] for line in lines] == ["001-work", "001-work", "002-work"]


def test_the_kernel_s_start_is_named(tmp_path):
    found = note_use(tmp_path, JOB, "001-work")
    assert found["booted"].endswith("Z")
    assert len(found["boot_id"]) == 36


def test_of_two_that_begin_at_once_one_is_the_first(tmp_path):
    found = []
    ready = threading.Barrier(8)

    def begin(number):
        ready.wait()
        found.append(note_use(tmp_path, JOB, f"{number}")["first"])

    threads = [threading.Thread(target=begin, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 7 + [True]


def test_a_line_that_was_cut_off_counts_as_a_use_by_somebody_else(tmp_path):
    (tmp_path / "uses.jsonl").write_bytes(b'{"job": "ada/2026-11/j", "ru\n\xff\n[1]\n')
    found = note_use(tmp_path, JOB, "001-work")
    assert (found["first"], found["before"], found["others"]) == (False, 3, 3)


def test_without_a_folder_nothing_is_claimed(tmp_path):
    (tmp_path / "file").write_text("")
    found = note_use(tmp_path / "file/machine", JOB, "001-work")
    assert found["first"] is None
    assert "Not a directory" in found["why"]
