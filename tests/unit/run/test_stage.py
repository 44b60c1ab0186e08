"""Stage in lays out what a run sees, and nothing anywhere else."""

from __future__ import annotations

import io
import json
import os

import pytest
from run_specs import make_record, make_spec

from neurocaas_ci.errors import IntegrityError, UsageError
from neurocaas_ci.model.digest import Sha256, sha256_bytes
from neurocaas_ci.model.run import InputFile, OutputFile
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.stage import resolve_inputs, staged_in
from neurocaas_ci.stores.directory import DirectoryBlobs


@pytest.fixture
def blobs(tmp_path):
    return DirectoryBlobs(tmp_path / "store")


@pytest.fixture
def scratch(tmp_path):
    with Scratch(tmp_path / "scratch") as scratch:
        yield scratch


def given(blobs, path, data):
    blob = blobs.put(io.BytesIO(data))
    return InputFile(path, blob.sha256, blob.size)


def test_inputs_and_configuration_are_laid_out(blobs, scratch):
    files = (given(blobs, "dataset/d.csv", b"1"), given(blobs, "steps/one/a/b.json", b"{}"))
    config = {"parameters": {"größe": 1.5, "name": "é"}, "dataset": "dataset/d.csv"}
    with staged_in(make_spec(config=config), files, blobs, scratch) as staged:
        assert (staged.inputs / "dataset/d.csv").read_bytes() == b"1"
        assert (staged.inputs / "steps/one/a/b.json").read_bytes() == b"{}"
        assert json.loads((staged.inputs / "config.yaml").read_text("utf-8")) == config
        assert list(staged.outputs.iterdir()) == []
        assert staged.changed() is None
    assert not staged.inputs.exists()


@pytest.mark.parametrize("name", ["d 1.csv", "größe.csv", "-rf", "..x", "a\\b", "$(x)", "\x1b[2J"])
def test_odd_but_plain_names_are_only_names(blobs, scratch, name):
    files = (given(blobs, f"dataset/{name}", b"1"),)
    with staged_in(make_spec(), files, blobs, scratch) as staged:
        assert os.listdir(staged.inputs / "dataset") == [name]


@pytest.mark.parametrize(
    "path",
    ["../escape", "/etc/escape", "a/../../escape", "", ".", "a//b", "a/./b", "a\0b", "dataset/",
     "config.yaml", "config.yaml/x"],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(blobs, scratch, path):
    files = (given(blobs, path, b"evil"),)
    with (
        pytest.raises(UsageError, match="cannot be the path of an input"),
        staged_in(make_spec(), files, blobs, scratch),
    ):
        raise AssertionError("it was laid out")
    assert not list(scratch.folder.parent.rglob("escape"))
    assert blobs.verify(sha256_bytes(b"evil"), 4), "nothing was written through a link"


def test_damaged_and_missing_contents_stop_the_run(blobs, scratch):
    file = given(blobs, "dataset/d.csv", b"good")
    absent = (InputFile("dataset/x", Sha256("0" * 64), 1),)
    with pytest.raises(IntegrityError), staged_in(make_spec(), absent, blobs, scratch):
        raise AssertionError("it was laid out")
    stored = blobs.path(file.sha256)
    stored.chmod(0o644)
    stored.write_bytes(b"evil")
    with pytest.raises(IntegrityError), staged_in(make_spec(), (file,), blobs, scratch, again=True):
        raise AssertionError("it was laid out")
    assert [p.name for p in scratch.folder.rglob("*") if p.is_file()] == ["owner.lock"]


def test_a_change_of_an_input_is_noticed(blobs, scratch):
    files = (given(blobs, "dataset/a", b"aaaa"), given(blobs, "dataset/b", b"bbbb"))
    with staged_in(make_spec(), files, blobs, scratch) as staged:
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


def test_the_next_attempt_sees_its_own_inputs_only(blobs, scratch):
    first = (given(blobs, "dataset/one", b"1"), given(blobs, "top", b"t"))
    with staged_in(make_spec(config={"long": "x" * 99}), first, blobs, scratch, again=True) as one:
        assert (one.inputs / "dataset/one").read_bytes() == b"1"
    second = (given(blobs, "dataset/two", b"2"),)
    with staged_in(make_spec(config={}), second, blobs, scratch, again=True) as two:
        assert two.inputs == one.inputs, "the folders are used again"
        assert sorted(os.listdir(two.inputs)) == ["config.yaml", "dataset"]
        assert os.listdir(two.inputs / "dataset") == ["two"]
        assert (two.inputs / "config.yaml").read_text() == "{}\n"
    assert blobs.verify(first[0].sha256, 1), "its content is not what was taken away"


def test_attempts_at_once_and_of_other_layouts_have_other_folders(blobs, scratch):
    flat, deep = (given(blobs, "dataset/d", b"1"),), (given(blobs, "steps/a/d", b"1"),)
    with (
        staged_in(make_spec(), flat, blobs, scratch, again=True) as one,
        staged_in(make_spec(), flat, blobs, scratch, again=True) as two,
    ):
        assert one.inputs != two.inputs
    with staged_in(make_spec(), deep, blobs, scratch, again=True) as three:
        assert three.inputs not in {one.inputs, two.inputs}
        assert sorted(os.listdir(three.inputs)) == ["config.yaml", "steps"]


@pytest.mark.parametrize("left", ["file", "folder", "locked"])
def test_what_a_run_leaves_is_not_there_for_the_next_one(blobs, scratch, left):
    files = (given(blobs, "dataset/d", b"1"),)
    with staged_in(make_spec(), files, blobs, scratch, again=True) as one:
        (one.outputs / "deep").mkdir()
        if left == "file":
            (one.outputs / "deep/x").write_bytes(b"x")
        if left == "locked":
            one.outputs.chmod(0)
    assert not one.outputs.exists()
    with staged_in(make_spec(), files, blobs, scratch, again=True) as two:
        assert os.listdir(two.outputs) == []


def test_nothing_is_used_again_where_a_command_could_write(blobs, scratch):
    files = (given(blobs, "dataset/d", b"1"),)
    with staged_in(make_spec(), files, blobs, scratch) as one:
        (one.inputs / "config.yaml").unlink()
        (one.inputs / "config.yaml").symlink_to(blobs.path(files[0].sha256))
    assert not one.inputs.exists()
    with staged_in(make_spec(), files, blobs, scratch) as two:
        assert not (two.inputs / "config.yaml").is_symlink()
