"""What replays need goes, sealed, from a machine that has it to one that has nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from neurocaas_ci.access.seal import new_identity, seal_stream

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


class Pair:
    """A public and a private key."""

    def __init__(self, folder: Path, name: str) -> None:
        self.public = new_identity(folder / name)
        self.private = (folder / name).read_text()


@pytest.fixture
def keys(tmp_path):
    return Pair(tmp_path, "sample.key")


@pytest.fixture
def certified(platform):
    """Two certified jobs of one dataset each, and one that failed."""
    data = platform.put("a\n", "b\n")
    platform.job("one", data[:1])
    platform.job("two", data[1:])
    platform.job("bad", data[:1], parameters={"mode": "exit3"})
    platform.reconcile(code=12)
    return platform


def seal(platform, folder, keys, *arguments: str, code: int = 0):
    done = platform.audit(
        "sample", "seal", str(folder), "--key", keys.public, *arguments, code=code
    )
    assert "Traceback" not in done.stderr
    return done


def open_(platform, folder, keys, home: Path, code: int = 0):
    """Open a sample as another machine does, which has a home of its own."""
    env = {
        **platform.env, "NEUROCAAS_HOME": str(home), "NEUROCAAS_SAMPLE_IDENTITY": keys.private,
    }  # fmt: skip
    done = subprocess.run(
        platform.command("sample", "open", str(folder)), cwd=platform.repo, env=env,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    return done


def contents(home: Path) -> set[str]:
    return {path.name for path in (home / "store/blobs").rglob("*") if path.is_file()}


def test_a_job_is_replayed_where_only_the_sample_is(certified, keys, tmp_path):
    platform, folder = certified, tmp_path / "sealed"
    taken = seal(platform, folder, keys, "--jobs", "5").stdout.split()
    assert taken == ["ada/2026-11/one", "ada/2026-11/two"]
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 3
    assert not any(path.read_bytes()[-2:] == b"a\n" for path in folder.glob("*.age"))
    elsewhere = platform.repo.parent / "elsewhere"
    opened = open_(platform, folder, keys, elsewhere)
    assert opened.stdout.split() == taken
    assert contents(elsewhere) == {n.removesuffix(".age") for n in names if n.endswith(".age")}
    root = platform.root
    platform.env["NEUROCAAS_HOME"] = str(elsewhere)
    for job in taken:
        done = platform.run("replay", job, "--offline", "--trust-root", root)
        assert "identical" in done.stdout


def test_a_sample_is_as_large_as_asked_and_leaves_out_what_is_too_large(certified, keys, tmp_path):
    assert len(seal(certified, tmp_path / "1", keys, "--jobs", "1").stdout.split()) == 1
    none = seal(certified, tmp_path / "0", keys, "--most", "1")
    assert none.stdout == ""
    assert none.stderr.count("is left out: its inputs have 2 B") == 2
    assert json.loads((tmp_path / "0/sample.json").read_text())["jobs"] == []


def test_outputs_with_a_tolerance_go_along(platform, keys, tmp_path):
    path = "registry/blueprints/probe.yaml"
    text = (platform.repo / path).read_text()
    assert "kind: exact" in text
    text = text.replace("kind: exact", "kind: table\n    rtol: 0.001")
    platform.write(path, text.replace("version: 1.0.0", "version: 1.1.0"))
    platform.commit("Compare with a tolerance")
    platform.job("one", platform.put("a\n"), version="1.1.0")
    platform.reconcile()
    seal(platform, tmp_path / "sealed", keys)
    assert len(list((tmp_path / "sealed").glob("*.age"))) == 2


def test_an_input_that_is_lost_is_an_error_and_a_deleted_one_is_not(certified, keys, tmp_path):
    platform = certified
    platform.job("gone", platform.put("c\n"), keep_inputs=False)
    platform.reconcile()
    done = seal(platform, tmp_path / "first", keys, "--jobs", "5")
    assert done.stdout.split() == ["ada/2026-11/one", "ada/2026-11/two"]
    assert "ada/2026-11/gone is left out" in done.stderr
    assert "its user wanted them deleted" in done.stderr
    (path,) = [p for p in (platform.home / "store/blobs").rglob("*") if p.is_file() and p.read_bytes() == b"a\n"]  # fmt: skip
    path.unlink()
    done = seal(platform, tmp_path / "sealed", keys, "--jobs", "5", code=13)
    assert path.name in done.stderr
    assert not list((tmp_path / "sealed").glob(".*"))


def test_what_was_changed_on_the_way_is_refused(certified, keys, tmp_path):
    platform, folder = certified, tmp_path / "sealed"
    seal(platform, folder, keys)
    one, two = sorted(folder.glob("*.age"))
    home = platform.repo.parent / "elsewhere"
    whole = one.read_bytes()

    one.write_bytes(whole[:-1])
    assert "cannot be opened" in open_(platform, folder, keys, home, code=13).stderr
    # Whoever has the public key can seal something else, but not with the digest of this.
    one.write_bytes(two.read_bytes())
    assert "has another digest" in open_(platform, folder, keys, home, code=13).stderr
    assert one.stem not in contents(home)
    one.write_bytes(whole)
    other = Pair(tmp_path, "other.key")
    assert "sealed for another key" in open_(platform, folder, other, home, code=13).stderr
    (folder / "tool.sh").write_text("#!/bin/sh\n")
    assert "no part of a sample" in open_(platform, folder, keys, home, code=13).stderr
    (folder / "tool.sh").unlink()
    one.unlink()
    one.symlink_to(two)
    assert "no part of a sample" in open_(platform, folder, keys, home, code=13).stderr
    one.unlink()
    one.write_bytes(whole)
    (folder / "sample.json").write_text('{"schema": "neurocaas/sample/v1", "jobs": ["a; rm"]}')
    assert "no list of jobs" in open_(platform, folder, keys, home, code=13).stderr
    (folder / "sample.json").unlink()
    assert "no sample in the folder" in open_(platform, folder, keys, home, code=2).stderr
    assert list((home / "store/scratch").glob("opened-*")) == []


@pytest.mark.parametrize("private", ["", "no key"])
def test_without_the_private_key_nothing_is_opened(certified, keys, tmp_path, private):
    seal(certified, tmp_path / "sealed", keys)
    keys.private = private
    done = open_(certified, tmp_path / "sealed", keys, tmp_path / "elsewhere", code=2)
    assert "private key" in done.stderr


def test_a_bad_key_and_a_full_folder_are_refused_before_anything_is_read(certified, keys, tmp_path):
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed/x").touch()
    assert "not empty" in seal(certified, tmp_path / "sealed", keys, code=2).stderr
    keys.public = "age1nothing"
    assert "no public key" in seal(certified, tmp_path / "new", keys, code=2).stderr
    assert not (tmp_path / "new").exists()


def test_what_reading_raises_is_what_sealing_raises(keys, tmp_path):
    class Broken:
        def read(self, _count: int = -1, /) -> bytes:
            raise ValueError("the network is gone")

    with open(os.devnull, "wb") as nowhere, pytest.raises(ValueError, match="network is gone"):
        seal_stream(Broken(), nowhere, [keys.public], "test")
