import stat

import pytest
from build_archives import wheel

from neurocaas_ci.build.spool import Spool
from neurocaas_ci.build.wheel import wheel_entries
from neurocaas_ci.errors import BuildError

SITE = "usr/local/lib/python3.11/dist-packages"


@pytest.fixture
def spool(tmp_path):
    with Spool(tmp_path) as spool:
        yield spool


def installed(path, spool):
    return wheel_entries([("a==1", path)], SITE, "/usr/bin/python3.11", spool)


def test_files_go_where_the_scheme_says(tmp_path, spool):
    path = wheel(
        tmp_path / "a.whl",
        {
            "a/__init__.py": b"x = 1",
            "a-1.dist-info/RECORD": b"as published",
            "a-1.data/purelib/b.py": b"b",
            "a-1.data/platlib/c.so": b"c",
            "a-1.data/scripts/run": b"#!python\nprint(1)\n",
            "a-1.data/scripts/sh": b"#!/bin/sh\n",
            "a-1.data/data/share/d.txt": b"d",
            "a-1.data/headers/e.h": b"e",
        },
        {"a-1.data/platlib/c.so": stat.S_IFREG | 0o755},
    )
    found = installed(path, spool)
    assert {place: spool.read(entry.content) for place, entry in found.items()} == {
        f"{SITE}/a/__init__.py": b"x = 1",
        f"{SITE}/a-1.dist-info/RECORD": b"as published",
        f"{SITE}/b.py": b"b",
        f"{SITE}/c.so": b"c",
        "usr/local/bin/run": b"#!/usr/bin/python3.11\nprint(1)\n",
        "usr/local/bin/sh": b"#!/bin/sh\n",
        "usr/local/share/d.txt": b"d",
        "usr/local/include/e.h": b"e",
    }
    assert {place for place, entry in found.items() if entry.mode == 0o755} == {
        f"{SITE}/c.so",
        "usr/local/bin/run",
        "usr/local/bin/sh",
    }


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../../../etc/passwd", "leaves the root"),
        ("a/../../b.py", "leaves the root"),
        ("/etc/cron.d/evil", "is absolute"),
        ("a-1.data/data/../../../etc/passwd", "leaves the root"),
        ("a-1.data/elsewhere/x", "no known installation scheme"),
        ("a-1.data/scripts", "no known installation scheme"),
        ("a\tb.py", "control characters"),
        (".", "without a name"),
    ],
)
def test_hostile_paths_are_refused(tmp_path, spool, name, problem):
    path = wheel(tmp_path / "evil.whl", {name: b"x"})
    with pytest.raises(BuildError, match=problem) as caught:
        installed(path, spool)
    assert caught.value.where == "a==1"


def test_links_are_refused(tmp_path, spool):
    path = wheel(tmp_path / "a.whl", {"a": b"/etc/passwd"}, {"a": stat.S_IFLNK | 0o777})
    with pytest.raises(BuildError, match="not a regular file"):
        installed(path, spool)


@pytest.mark.parametrize("cut", [0, 10, 60, 100])
def test_damaged_wheels_are_refused(tmp_path, spool, cut):
    path = wheel(tmp_path / "a.whl", {"a.py": bytes(range(256)) * 20})
    data = bytearray(path.read_bytes())
    if cut == 60:
        data[60:64] = b"\xff\xff\xff\xff"  # inside the compressed content
    else:
        data = data[:cut] if cut != 100 else data[:-30]
    path.write_bytes(data)
    with pytest.raises(BuildError, match="not a sound wheel"):
        installed(path, spool)


def test_two_wheels_with_one_file_are_refused(tmp_path, spool):
    one = wheel(tmp_path / "a.whl", {"a.py": b"1"})
    two = wheel(tmp_path / "b.whl", {"a.py": b"2"})
    with pytest.raises(BuildError, match="both bring"):
        wheel_entries([("a==1", one), ("b==1", two)], SITE, "/usr/bin/python3.11", spool)
