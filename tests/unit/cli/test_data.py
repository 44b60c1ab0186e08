"""`neurocaas data`: what can be a dataset, names and their contents."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neurocaas_ci.cli.data import _open_regular
from neurocaas_ci.errors import UsageError
from neurocaas_ci.stores.directory import DirectoryBlobs


def stored(shell):
    blobs = shell.home / "store/blobs"
    return {path.name for path in blobs.rglob("*") if path.is_file()}


def put(shell, name, content, *options):
    path = shell.folder / name
    path.write_bytes(content)
    uri, digest, size = shell.run("data", "put", *options, path).stdout.split()
    return uri, digest, int(size)


def test_put_prints_what_a_manifest_needs(shell):
    uri, digest, size = put(shell, "mouse-01.csv", b"1,2\n")
    assert (uri, size) == ("store:mouse-01.csv", 4)
    assert digest == hashlib.sha256(b"1,2\n").hexdigest()
    assert stored(shell) == {digest}
    assert put(shell, "x.csv", b"1,2\n", "--name", "other.csv")[0] == "store:other.csv"
    rows = json.loads(shell.run("data", "ls", "--format", "json").stdout)
    assert rows["schema"] == "neurocaas/datasets/v1"
    assert rows["datasets"] == [
        {"uri": f"store:{name}", "sha256": digest, "size": 4}
        for name in ("mouse-01.csv", "other.csv")
    ]
    assert "store:mouse-01.csv" in shell.run("data", "ls").stdout


def make_odd(folder, kind):
    path = folder / "odd.csv"
    if kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "device":
        return "/dev/null"
    elif kind == "below a file":
        (folder / "file").touch()
        return folder / "file" / "x.csv"
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "cannot be read: No such file"),
        ("dangling link", "cannot be read: No such file"),
        ("below a file", "cannot be read: Not a directory"),
        ("empty", "the file is empty"),
        ("folder", "one regular file"),
        ("fifo", "one regular file"),
        ("device", "one regular file"),
    ],
)
def test_what_cannot_be_a_dataset_is_said(shell, kind, message):
    done = shell.run("data", "put", "--name", "x.csv", make_odd(shell.folder, kind), code=2)
    assert message in done.stderr
    assert stored(shell) == set()
    assert shell.run("data", "ls").stdout == ""


def test_an_unreadable_file_is_said(tmp_path):
    """As an ordinary user sees it; root may read everything, so it gives up its rights."""
    path = tmp_path / "secret.csv"
    path.write_bytes(b"1")
    path.chmod(0)
    # An open folder says where the file is, whoever may enter the folders above.
    folder = os.open(tmp_path, os.O_RDONLY)
    tmp_path.chmod(0o755)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.fchdir(folder)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresuid(65534, 65534, 65534)
            _open_regular(Path("secret.csv"))
        except UsageError as error:
            code = 0 if "cannot be read: Permission denied" in str(error) else 2
        finally:
            os._exit(code)
    os.close(folder)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_name_means_one_content_until_it_is_replaced(shell):
    _, first, _ = put(shell, "a.csv", b"old")
    (shell.folder / "a.csv").write_bytes(b"new")
    refused = shell.run("data", "put", "a.csv", code=2)
    assert "already names other content" in refused.stderr
    assert "--replace" in refused.stderr
    assert first in shell.run("data", "ls").stdout
    assert put(shell, "a.csv", b"old")[1] == first, "the same content again is fine"
    _, second, _ = put(shell, "a.csv", b"new", "--replace")
    assert second in shell.run("data", "ls").stdout
    assert {first, second} <= stored(shell), "jobs that name the old content keep it"


@pytest.mark.parametrize(
    "name",
    ["..", ".hidden", "-rf", "a/b", "../../x", "a b", "é.csv", "a\nb", "\x1b[2J", "x" * 201, "a:b"],
)
def test_hostile_names_are_refused(shell, name):
    (shell.folder / "good.csv").write_bytes(b"1")
    done = shell.run("data", "put", f"--name={name}", "good.csv", code=2)
    assert "cannot name a dataset" in done.stderr
    assert "\x1b" not in done.stderr
    assert shell.run("data", "ls").stdout == ""
    gone = shell.run("data", "rm", "--", name, code=2)
    assert "cannot name a dataset" in gone.stderr


def test_a_file_name_that_is_not_utf8_is_said(shell):
    path = os.path.join(os.fsencode(shell.folder), b"bad\xff.csv")
    with open(path, "wb") as stream:
        stream.write(b"1")
    done = subprocess.run(
        [sys.executable, "-m", "neurocaas_ci.cli.main", "data", "put", path], env=shell.env,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "cannot name a dataset" in done.stderr


def test_a_name_goes_with_one_file(shell):
    for name in ("a.csv", "b.csv"):
        (shell.folder / name).write_bytes(name.encode())
    done = shell.run("data", "put", "--name", "x", "a.csv", "b.csv", code=2)
    assert "--name goes with one file" in done.stderr
    assert stored(shell) == set()


def test_what_came_before_a_bad_file_is_kept(shell):
    (shell.folder / "a.csv").write_bytes(b"a")
    done = shell.run("data", "put", "a.csv", "missing.csv", code=2)
    assert done.stdout.startswith("store:a.csv ")
    assert "missing.csv" in done.stderr


def test_rm_forgets_the_name_and_keeps_the_content(shell):
    _, digest, _ = put(shell, "a.csv", b"a")
    assert shell.run("data", "rm", "store:a.csv").stderr == "removed store:a.csv\n"
    assert shell.run("data", "ls").stdout == ""
    assert stored(shell) == {digest}
    assert "no dataset named" in shell.run("data", "rm", "a.csv", code=2).stderr


def test_rm_content_keeps_what_another_name_needs(shell):
    _, digest, _ = put(shell, "a.csv", b"same")
    put(shell, "b.csv", b"same")
    first = shell.run("data", "rm", "--content", "a.csv").stderr
    assert "its content is kept, store:b.csv is the same" in first
    assert DirectoryBlobs(shell.home / "store").verify(digest, 4)
    assert "and its content" in shell.run("data", "rm", "--content", "b.csv").stderr
    assert stored(shell) == set()


def test_progress_of_a_large_file_is_for_terminals_only(shell):
    path = shell.folder / "large.npz"
    with path.open("wb") as stream:
        stream.truncate(65 << 20)
    quiet = shell.run("data", "put", "large.npz")
    assert quiet.stderr == ""
    assert quiet.stdout.split()[2] == str(65 << 20)
    code, shown = shell.terminal("data", "put", "large.npz", "--name", "again.npz")
    assert code == 0
    assert "\ragain.npz  50 %" in shown
    assert "\ragain.npz 100 %\r\nstore:again.npz" in shown
    _, dumb = shell.terminal("data", "put", "large.npz", TERM="dumb")
    assert "%" not in dumb


def test_a_home_that_cannot_be_made_is_said(shell):
    (shell.folder / "file").touch()
    done = shell.run("data", "ls", code=2, NEUROCAAS_HOME=str(shell.folder / "file/home"))
    assert "NEUROCAAS_HOME names another folder" in done.stderr
