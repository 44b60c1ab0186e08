"""The folder of the local instance: whole or not there, private, and never quietly replaced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.signing.local_sigstore import LocalSigstore

KEYS = ("ca.key", "ctlog.key", "log.key")
STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": "a" * 64}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
).encode()

# Waits for the word, then opens the instance and says which keys it found.
OPEN = """
import hashlib, sys
from pathlib import Path
from neurocaas_ci.signing.local_sigstore import LocalSigstore
folder = Path(sys.argv[1])
sys.stdin.readline()
local = LocalSigstore.open(folder)
origin = local.origin("r", "refs/heads/main", "c")
local.sign(sys.argv[2].encode(), origin)
print(hashlib.sha256(b"".join(sorted(p.read_bytes() for p in folder.glob("*.key")))).hexdigest())
"""

# Makes an instance and is killed at the n-th file of it.
DIE = """
import os, signal, sys
from pathlib import Path
from neurocaas_ci.signing.local_sigstore import LocalSigstore
left = int(sys.argv[2])
fsync = os.fsync
def count(descriptor):
    global left
    fsync(descriptor)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = count
LocalSigstore.open(Path(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home" / "signing"


@pytest.fixture
def made(folder):
    LocalSigstore.open(folder)
    return folder


def sign(folder):
    local = LocalSigstore.open(folder)
    return local.sign(STATEMENT, local.origin("r", "refs/heads/main", "c"))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_it_whatever_the_umask(folder, umask):
    before = os.umask(umask)
    try:
        LocalSigstore.open(folder)
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert {mode(folder / name) for name in KEYS} == {0o600}
    assert mode(folder / "log") == 0o700


def test_nothing_but_the_instance_is_left_beside_it(made):
    assert [path.name for path in made.parent.iterdir()] == ["signing"]


def test_the_second_time_it_is_the_same(made):
    before = {path.name: path.read_bytes() for path in made.iterdir() if path.is_file()}
    sign(made)
    sign(made)
    assert before == {path.name: path.read_bytes() for path in made.iterdir() if path.is_file()}
    assert LocalSigstore.open(made).checkpoint().split("\n")[1] == "2"


def test_an_empty_folder_becomes_one(folder):
    folder.mkdir(parents=True, mode=0o755)
    assert sign(folder)
    assert mode(folder) == 0o700


def test_a_link_to_a_folder_is_followed(folder, tmp_path):
    folder.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    assert sign(folder)
    assert folder.is_symlink()
    assert (tmp_path / "elsewhere" / "ca.key").exists()


def test_eight_processes_that_make_it_at_once_have_one(folder):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(folder), STATEMENT.decode()], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]  # fmt: skip
    try:
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        results = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert all(process.returncode == 0 for process in processes), results
    assert len({out for out, _ in results}) == 1
    assert LocalSigstore.open(folder).checkpoint().split("\n")[1] == "8"
    assert [path.name for path in folder.parent.iterdir()] == ["signing"]


@pytest.mark.parametrize("point", range(1, 11))
def test_a_killed_first_use_leaves_nothing_half_usable(folder, point):
    done = subprocess.run([sys.executable, "-c", DIE, str(folder), str(point)], check=False)
    assert done.returncode == -signal.SIGKILL
    # Only the last point is behind the rename.
    assert folder.exists() == (point == 10)
    assert sign(folder)
    assert {mode(path) & 0o077 for path in folder.parent.iterdir()} == {0}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_reach_is_refused(made, name, bits):
    (made / name).chmod(bits)
    with pytest.raises(UsageError, match="other users can reach") as caught:
        LocalSigstore.open(made)
    assert caught.value.where == str(made / name)
    assert f"chmod 600 {made / name}" in caught.value.hint


@pytest.mark.parametrize("bits", [0o750, 0o701])
def test_a_folder_that_others_can_enter_is_refused(made, bits):
    made.chmod(bits)
    with pytest.raises(UsageError, match="other users can reach") as caught:
        LocalSigstore.open(made)
    assert f"chmod 700 {made}" in caught.value.hint
    made.chmod(0o700)
    assert sign(made)


@pytest.mark.parametrize("name", [*KEYS, "instance.json"])
def test_a_missing_file_is_refused_and_not_made_again(made, name):
    (made / name).unlink()
    with pytest.raises(UsageError) as caught:
        LocalSigstore.open(made)
    assert "move the folder away" in caught.value.hint
    assert not (made / name).exists()


@pytest.mark.parametrize("name", [*KEYS, "instance.json"])
@pytest.mark.parametrize("content", [b"", b"garbage", b"{}", b"[" * 10])
def test_a_damaged_file_is_refused(made, name, content):
    (made / name).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        LocalSigstore.open(made)
    assert caught.value.where == str(made / name)
    assert caught.value.hint


@pytest.mark.parametrize("name", KEYS)
def test_the_key_of_another_instance_is_refused(made, tmp_path, name):
    LocalSigstore.open(tmp_path / "other")
    shutil.copyfile(tmp_path / "other" / name, made / name)
    with pytest.raises(UsageError, match="another instance"):
        LocalSigstore.open(made)


def test_a_key_that_is_a_link_or_a_pipe_is_refused(made, tmp_path):
    shutil.move(made / "ca.key", tmp_path / "ca.key")
    (made / "ca.key").symlink_to(tmp_path / "ca.key")
    with pytest.raises((UsageError, BackendUnavailableError)):
        LocalSigstore.open(made)
    (made / "ca.key").unlink()
    os.mkfifo(made / "ca.key", 0o600)
    with pytest.raises(UsageError, match="not a regular file"):
        LocalSigstore.open(made)


def test_another_version_of_the_format_is_refused(made):
    document = json.loads((made / "instance.json").read_bytes())
    (made / "instance.json").write_text(json.dumps({**document, "schema": "other/v9"}))
    with pytest.raises(UsageError, match="other/v9"):
        LocalSigstore.open(made)


def test_a_folder_of_something_else_is_left_alone(folder):
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="not a local signing instance"):
        LocalSigstore.open(folder)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", ["trusted_root.json", "client_trust_config.json"])
def test_what_is_derived_comes_back(made, name):
    before = (made / name).read_bytes()
    (made / name).unlink()
    LocalSigstore.open(made)
    assert (made / name).read_bytes() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("what", [".", "log.key"])
def test_another_users_instance_is_not_used(made, what):
    os.chown(made / what, 12345, 12345)
    with pytest.raises(BackendUnavailableError, match="another user") as caught:
        LocalSigstore.open(made)
    assert caught.value.hint


def test_a_place_where_nothing_can_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "signing", tmp_path / "file"):
        with pytest.raises((BackendUnavailableError, UsageError)) as caught:
            LocalSigstore.open(folder)
        assert str(folder) in caught.value.where
        assert caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_a_clear_error(folder):
    folder.parent.mkdir(mode=0o500)
    with pytest.raises(BackendUnavailableError, match="Permission denied") as caught:
        LocalSigstore.open(folder)
    assert "permissions" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_on_first_use_leaves_nothing(tmp_path):
    target = tmp_path / "small"
    target.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(target)]
    if subprocess.run(line, check=False).returncode:
        pytest.skip("this container may not mount")
    try:
        with pytest.raises(BackendUnavailableError, match="No space left") as caught:
            LocalSigstore.open(target / "signing")
        assert "free some space" in caught.value.hint
        assert list(target.iterdir()) == []
    finally:
        subprocess.run(["umount", str(target)], check=True)
