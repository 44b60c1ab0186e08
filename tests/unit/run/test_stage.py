"""Stage in lays out what a run sees, and nothing anywhere else."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys

import pytest
from run_specs import make_record, make_spec

from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.run import InputFile, OutputFile
from neurocaas_ci.run.stage import Scratch, resolve_inputs, stage_in
from neurocaas_ci.stores.directory import DirectoryBlobs

HOLD = """
import sys, time
from pathlib import Path
from neurocaas_ci.run.stage import Scratch
scratch = Scratch(Path(sys.argv[1]))
(scratch.new() / "half").write_text("x")
print(scratch.folder.name, flush=True)
time.sleep(60)
"""


@pytest.fixture
def blobs(tmp_path):
    return DirectoryBlobs(tmp_path / "store")


@pytest.fixture
def attempt(tmp_path):
    folder = tmp_path / "attempt"
    folder.mkdir()
    return folder


def given(blobs, path, data):
    blob = blobs.put(io.BytesIO(data))
    return InputFile(path, blob.sha256, blob.size)


def test_inputs_and_configuration_are_laid_out(blobs, attempt):
    files = (given(blobs, "dataset/d.csv", b"1"), given(blobs, "steps/one/a/b.json", b"{}"))
    config = {"parameters": {"größe": 1.5, "name": "é"}, "dataset": "dataset/d.csv"}
    staged = stage_in(make_spec(config=config), files, blobs, attempt)
    assert (staged.inputs / "dataset/d.csv").read_bytes() == b"1"
    assert (staged.inputs / "steps/one/a/b.json").read_bytes() == b"{}"
    assert json.loads((staged.inputs / "config.yaml").read_text("utf-8")) == config
    assert list(staged.outputs.iterdir()) == []
    assert staged.changed() is None


@pytest.mark.parametrize("name", ["d 1.csv", "größe.csv", "-rf", "..x", "a\\b", "$(x)", "\x1b[2J"])
def test_odd_but_plain_names_are_only_names(blobs, attempt, name):
    staged = stage_in(make_spec(), (given(blobs, f"dataset/{name}", b"1"),), blobs, attempt)
    assert os.listdir(staged.inputs / "dataset") == [name]


@pytest.mark.parametrize(
    "path",
    ["../escape", "/etc/escape", "a/../../escape", "", ".", "a//b", "a/./b", "a\0b", "dataset/",
     "config.yaml", "config.yaml/x"],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(blobs, attempt, path):
    with pytest.raises(UsageError, match="cannot be the path of an input"):
        stage_in(make_spec(), (given(blobs, path, b"evil"),), blobs, attempt)
    assert not (attempt.parent / "escape").exists()
    assert blobs.verify(sha256_bytes(b"evil"), 4), "nothing was written through a link"


def test_damaged_and_missing_contents_stop_the_run(blobs, attempt, tmp_path):
    file = given(blobs, "dataset/d.csv", b"good")
    with pytest.raises(IntegrityError):
        stage_in(make_spec(), (InputFile("dataset/x", Sha256("0" * 64), 1),), blobs, attempt)
    stored = blobs.path(file.sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"evil")
    (tmp_path / "second").mkdir()
    with pytest.raises(IntegrityError):
        stage_in(make_spec(), (file,), blobs, tmp_path / "second")


def test_a_change_of_an_input_is_noticed(blobs, attempt):
    files = (given(blobs, "dataset/a", b"aaaa"), given(blobs, "dataset/b", b"bbbb"))
    staged = stage_in(make_spec(), files, blobs, attempt)
    target = staged.inputs / "dataset/b"
    target.chmod(0o644)
    facts = target.stat()
    target.write_bytes(b"BBBB")
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert staged.changed() == "dataset/b"


def test_needed_runs_give_their_outputs():
    spec = make_spec(
        inputs=(InputFile("dataset/d", Sha256("1" * 64), 1),),
        needs={"steps/b": "001-b", "steps/a": "001-a"},
    )
    record = make_record(outputs=(OutputFile("x/y.json", Sha256("2" * 64), 2),))
    resolved = resolve_inputs(spec, {"001-a": record, "001-b": record})
    assert [file.path for file in resolved] == [
        "dataset/d", "steps/a/x/y.json", "steps/b/x/y.json",
    ]  # fmt: skip


def test_a_scratch_leaves_nothing(tmp_path):
    root = tmp_path / "scratch"
    with Scratch(root) as scratch:
        folders = {scratch.new() for _ in range(3)}
        assert len(folders) == 3
        (folders.pop() / "x").write_text("x")
        scratch.discard(folders.pop())
    assert list(root.iterdir()) == []


def test_what_a_killed_owner_left_is_swept_and_the_living_are_left_alone(tmp_path):
    root = tmp_path / "scratch"
    holders = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(root)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        dead, alive = (holder.stdout.readline().strip() for holder in holders)
        holders[0].send_signal(signal.SIGKILL)
        holders[0].wait(10)
        with Scratch(root) as scratch:
            names = {entry.name for entry in root.iterdir()}
            assert names == {alive, scratch.folder.name}
            assert dead not in names
    finally:
        for holder in holders:
            holder.kill()
            holder.wait(10)
            holder.stdout.close()
