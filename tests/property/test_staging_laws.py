"""Laws of stage in, collect and fetch: any tree of small files comes out as it went in."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.model.digest import sha256_bytes
from neurocaas_ci.model.run import InputFile, RunSpec
from neurocaas_ci.run.outputs import collect
from neurocaas_ci.run.scratch import Scratch
from neurocaas_ci.run.stage import staged_in
from neurocaas_ci.stores.directory import DirectoryBlobs

names = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="/"), min_size=1, max_size=12
).filter(lambda name: name not in {".", "..", ".git"} and name.isprintable())
contents = st.binary(max_size=2000)


@st.composite
def trees(draw):
    """A mapping from relative paths to contents in which no file is a folder of another."""
    paths = draw(st.lists(st.lists(names, min_size=1, max_size=4), max_size=12))
    files: dict[tuple[str, ...], bytes] = {}
    for parts in map(tuple, paths):
        taken = {p[:i] for p in files for i in range(1, len(p))}
        if parts in taken or any(parts[:i] in files for i in range(1, len(parts) + 1)):
            continue
        files[parts] = draw(contents)
    return {"/".join(parts): data for parts, data in files.items()}


def spec(config):
    return RunSpec(
        job="ada/2026-11/j", run="001-work", step="work", image=sha256_bytes(b""), command=("x",),
        environment={}, config=config, inputs=(), needs={}, outputs_required=(),
        limits=RunLimits(), max_runtime=1, hardware="laptop", determinism="none",
    )  # fmt: skip


def tree_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@settings(max_examples=60, deadline=None)
@given(trees())
def test_what_is_staged_is_what_was_stored(tree):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blobs = DirectoryBlobs(folder / "store")
        stored = {path: blobs.put(io.BytesIO(data)) for path, data in tree.items()}
        files = tuple(InputFile(f"dataset/{p}", b.sha256, b.size) for p, b in stored.items())
        with Scratch(folder / "scratch") as scratch:
            for again in (True, True, False):
                with staged_in(spec({}), files, blobs, scratch, again=again) as staged:
                    seen = tree_of(staged.inputs)
                    assert seen.pop("config.yaml") == b"{}\n"
                    assert seen == {f"dataset/{path}": data for path, data in tree.items()}
                    assert staged.changed() is None
        assert list((folder / "scratch").iterdir()) == []


@settings(max_examples=60, deadline=None)
@given(trees())
def test_what_is_collected_is_what_was_left_in_the_order_of_its_paths(tree):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blobs = DirectoryBlobs(folder / "store")
        outputs = folder / "outputs"
        outputs.mkdir()
        for path, data in tree.items():
            (outputs / path).parent.mkdir(parents=True, exist_ok=True)
            (outputs / path).write_bytes(data)
        found, problem = collect(outputs, blobs, RunLimits(), ())
        assert problem is None
        assert [file.path for file in found] == sorted(tree)
        for file in found:
            data = tree[file.path]
            assert (file.sha256, file.size) == (sha256_bytes(data), len(data))
            assert blobs.verify(file.sha256, file.size)
        assert tree_of(outputs) == {}, "outputs move into the store"


@settings(max_examples=60, deadline=None)
@given(trees())
def test_the_outputs_of_one_step_are_the_inputs_of_the_next(tree):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blobs = DirectoryBlobs(folder / "store")
        outputs = folder / "outputs"
        outputs.mkdir()
        for path, data in tree.items():
            (outputs / path).parent.mkdir(parents=True, exist_ok=True)
            (outputs / path).write_bytes(data)
        found, _ = collect(outputs, blobs, RunLimits(), ())
        files = tuple(InputFile(f"steps/one/{f.path}", f.sha256, f.size) for f in found)
        with (
            Scratch(folder / "scratch") as scratch,
            staged_in(spec({}), files, blobs, scratch) as staged,
        ):
            assert tree_of(staged.inputs / "steps/one") == tree
