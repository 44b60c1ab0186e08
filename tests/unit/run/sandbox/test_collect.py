from __future__ import annotations

import hashlib
import os
import socket

import pytest

from neurocaas_ci.model.blueprint import RunLimits
from neurocaas_ci.run.outputs import collect
from neurocaas_ci.stores.directory import DirectoryBlobs


@pytest.fixture
def store(tmp_path):
    return DirectoryBlobs(tmp_path / "store")


@pytest.fixture
def outputs(tmp_path):
    folder = tmp_path / "outputs"
    folder.mkdir()
    return folder


def test_files_are_moved_and_hashed_in_order(outputs, store):
    (outputs / "b" / "c").mkdir(parents=True)
    (outputs / "b" / "c" / "deep.txt").write_text("deep")
    (outputs / "a.txt").write_text("a")
    (outputs / "b.txt").write_text("")
    files, problem = collect(outputs, store, RunLimits(), ("a.txt", "b/**/deep.*"))
    assert problem is None
    assert [(f.path, f.size) for f in files] == [("a.txt", 1), ("b.txt", 0), ("b/c/deep.txt", 4)]
    assert files[0].sha256 == hashlib.sha256(b"a").hexdigest()
    assert store.open(files[2].sha256).read() == b"deep"
    assert not (outputs / "a.txt").exists()


def test_nothing_at_all(outputs, store):
    assert collect(outputs, store, RunLimits(), ()) == ((), None)
    files, problem = collect(outputs, store, RunLimits(), ("x.npz",))
    assert files == ()
    assert problem == (
        "missing_output",
        "/outputs lacks x.npz, which the blueprint declares; it wrote nothing",
    )


def test_what_is_there_is_kept_when_something_is_missing(outputs, store):
    (outputs / "a.txt").write_text("a")
    files, problem = collect(outputs, store, RunLimits(), ("a.txt", "sub/*.npz"))
    assert [f.path for f in files] == ["a.txt"]
    assert problem[0] == "missing_output"
    assert "sub/*.npz" in problem[1]


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("a.txt", "a.txt", True),
        ("a.txt", "sub/a.txt", False),
        ("*.txt", "sub/a.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "x/y/a.txt", True),
        ("sub/**", "sub/y/a", True),
        ("a?.txt", "ab.txt", True),
        ("a?.txt", "a/.txt", False),
        ("a[b].txt", "ab.txt", False),
        ("./a.txt", "a.txt", True),
        ("/a.txt", "a.txt", True),
    ],
)
def test_globs(outputs, store, glob, path, matches):
    target = outputs / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("x")
    _, problem = collect(outputs, store, RunLimits(), (glob,))
    assert (problem is None) == matches


def _link(folder):
    (folder / "bad").symlink_to("/etc/passwd")


def _folder_link(folder):
    (folder / "bad").symlink_to("/etc")


def _fifo(folder):
    os.mkfifo(folder / "bad")


def _socket(folder):
    here = os.getcwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.bind("bad")
    finally:
        os.chdir(here)


def _hard_link(folder):
    (folder / "bad").write_text("x")
    os.link(folder / "bad", folder / "bad2")


def _control(folder):
    (folder / "bad\x1b[31m").write_text("x")


def _not_utf8(folder):
    (folder / os.fsdecode(b"bad\xff")).write_text("x")


def _newline_folder(folder):
    (folder / "bad\nx").mkdir()
    (folder / "bad\nx" / "f").write_text("x")


def _too_deep(folder):
    path = folder
    for _ in range(70):
        path /= "bad"
    path.mkdir(parents=True)


@pytest.mark.parametrize(
    "spoil",
    [
        _link,
        _folder_link,
        _fifo,
        _socket,
        _hard_link,
        _control,
        _not_utf8,
        _newline_folder,
        _too_deep,
    ],
)
def test_only_plain_files_with_plain_names(outputs, store, spoil):
    (outputs / "good").write_text("g")
    spoil(outputs)
    files, problem = collect(outputs, store, RunLimits(), ())
    assert files == ()
    reason, message = problem
    assert reason == "bad_output"
    assert "bad" in message
    assert message.isprintable()
    assert (outputs / "good").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_devices(outputs, store):
    try:
        os.mknod(outputs / "bad", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this root may not make devices")
    _, problem = collect(outputs, store, RunLimits(), ())
    assert problem[0] == "bad_output"
    assert "a device" in problem[1]


def test_limits(outputs, store):
    for n in range(6):
        (outputs / str(n)).write_bytes(bytes(100))
    for limits, word in (
        (RunLimits(output_files=5), "limits.output_files"),
        (RunLimits(output_size=599), "limits.output_size"),
        (RunLimits(file_size=99), "limits.file_size"),
    ):
        files, problem = collect(outputs, store, limits, ())
        assert files == ()
        assert problem[0] == "output_limit"
        assert word in problem[1]
    exact = RunLimits(output_files=6, output_size=600, file_size=100)
    assert len(collect(outputs, store, exact, ())[0]) == 6


def test_a_sparse_file_counts_with_its_whole_size(outputs, store):
    with (outputs / "sparse").open("wb") as stream:
        stream.truncate(2 << 30)
    _, problem = collect(outputs, store, RunLimits(file_size=1 << 30), ())
    assert problem[0] == "output_limit"
    assert "2,147,483,648 bytes" in problem[1]


def test_permissions_do_not_matter(outputs, store):
    inner = outputs / "closed"
    inner.mkdir()
    (inner / "f").write_text("x")
    (inner / "f").chmod(0)
    inner.chmod(0)
    files, problem = collect(outputs, store, RunLimits(), ())
    assert problem is None
    assert [f.path for f in files] == ["closed/f"]
    inner.chmod(0o700)
