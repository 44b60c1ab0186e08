import hashlib
import io
import shutil
import subprocess
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.build.entries import (
    FOLDER,
    SHARED_FOLDER,
    Slice,
    clean_path,
    file_entry,
    link_entry,
    merged,
    with_parents,
)
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.tar import write_tar
from neurocaas_ci.errors import BuildError

ENTRIES = {
    "a/file": file_entry(b"text"),
    "a/program": file_entry(b"#!/bin/sh\n", executable=True),
    "a/link": link_entry("../b"),
    "empty": file_entry(b""),
    "tmp": SHARED_FOLDER,
    "long/" + "x" * 120 + "/name": file_entry(b"y" * 1000),
    "umlaut/\u00e4\u00f6": link_entry("\u00fc" * 70),
}


def written(entries, spool=None):
    out = io.BytesIO()
    write_tar(with_parents(entries), spool, out.write)
    return out.getvalue()


def test_bytes_of_a_layer_never_change():
    # A new value here means: every image of every registry gets another digest. Then BUILDER
    # needs a new version too.
    assert hashlib.sha256(written(ENTRIES)).hexdigest() == (
        "30eb15aaed8eea11782995fec5e5c67fb477a4ad33a6b1bda62031a292ab58f1"
    )


def test_order_of_entries_does_not_matter():
    assert written(dict(reversed(ENTRIES.items()))) == written(ENTRIES)


def test_tarfile_reads_back_what_was_written():
    with tarfile.open(fileobj=io.BytesIO(written(ENTRIES))) as archive:
        found = {m.name: m for m in archive}
        assert list(found) == sorted(found, key=str.encode)
        assert {*ENTRIES, "a", "long", "umlaut"} < set(found)
        for name, entry in ENTRIES.items():
            told = found[name]
            assert (told.mode, told.uid, told.gid, told.mtime) == (entry.mode, 0, 0, 1767225600)
            if entry.kind == "file":
                assert archive.extractfile(told).read() == entry.content
            if entry.kind == "link":
                assert told.linkname == entry.target


@pytest.mark.skipif(shutil.which("tar") is None, reason="GNU tar is not installed")
def test_gnu_tar_reads_it():
    command = ["tar", "--list", "--file=-", "--quoting-style=literal"]
    done = subprocess.run(command, input=written(ENTRIES), capture_output=True, check=True)
    assert done.stderr == b""
    assert set(ENTRIES) <= {line.rstrip("/") for line in done.stdout.decode().splitlines()}


def test_contents_come_from_the_spool(tmp_path):
    with Spool(tmp_path) as spool:
        spool.add_bytes(b"before")
        part = spool.add(io.BytesIO(b"z" * 3_000_000))
        data = written({"big": file_entry(part)}, spool.file)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.extractfile("big").read() == b"z" * 3_000_000


def test_a_spool_that_ends_early_is_an_error(tmp_path):
    with Spool(tmp_path) as spool, pytest.raises(EOFError):
        written({"big": file_entry(Slice(0, 10))}, spool.file)


names = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), min_size=1
).filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(paths, st.binary(max_size=600), max_size=8))
def test_any_files_survive(files):
    # A path that is also a folder of another cannot be written; that is another test.
    clean = {p: c for p, c in files.items() if not any(o.startswith(f"{p}/") for o in files)}
    data = written({path: file_entry(content) for path, content in clean.items()})
    assert len(data) % 512 == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {m.name: archive.extractfile(m).read() for m in archive if m.isreg()}
    assert found == clean


def test_a_file_cannot_have_members():
    with pytest.raises(BuildError, match="lies below 'a', which is a file"):
        with_parents({"a": file_entry(b""), "a/b": file_entry(b"")})


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/etc/passwd", "is absolute"),
        ("a/../../b", "leaves the root"),
        ("..", "leaves the root"),
        ("a\nb", "control characters"),
        ("a\x7fb", "control characters"),
        ("a\udc80", "not UTF-8"),
    ],
)
def test_paths_that_are_refused(path, problem):
    with pytest.raises(BuildError, match=problem):
        clean_path(path, "archive")


def test_paths_are_cleaned():
    assert clean_path("./a//b/./c/", "archive") == "a/b/c"


def test_archives_may_share_only_what_is_equal(tmp_path):
    with Spool(tmp_path) as spool:
        one = {"d": FOLDER, "d/f": file_entry(spool.add_bytes(b"same"))}
        two = {"d": FOLDER, "d/f": file_entry(spool.add_bytes(b"same"))}
        other = {"d/f": file_entry(spool.add_bytes(b"else"))}
        assert set(merged([("one", one), ("two", two)], spool.same)) == {"d", "d/f"}
        with pytest.raises(BuildError, match="three and one both bring 'd/f'"):
            merged([("one", one), ("three", other)], spool.same)
