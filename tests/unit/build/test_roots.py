import json
import os
from pathlib import Path

import pytest
from build_archives import link, member, stored, tar

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.roots import ensure_root, fingerprint
from neurocaas_ci.errors import IntegrityError

NAME = "f" * 64


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def layers(cache):
    files = (member("usr/bin/tool", b"tool", mode=0o755), member("etc/conf", b"conf"))
    return [stored(cache.root, tar(*files, link("bin", "usr/bin"), member("empty")))]


def leftovers(cache):
    return list((cache.root / "tmp").iterdir())


def test_unpacks_once(cache, layers):
    root = ensure_root(cache, NAME, layers)
    assert (root / "bin/tool").read_text() == "tool"
    inode = root.stat().st_ino
    assert ensure_root(cache, NAME, layers).stat().st_ino == inode
    assert leftovers(cache) == []


def _same_size_and_time(path: Path) -> None:
    times = path.stat()
    path.write_bytes(b"TOOL")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


DAMAGES = {
    "content": lambda root: (root / "etc/conf").write_text("evil content"),
    "same size and time": lambda root: _same_size_and_time(root / "usr/bin/tool"),
    "mode": lambda root: (root / "usr/bin/tool").chmod(0o644),
    "removed": lambda root: (root / "etc/conf").unlink(),
    "added": lambda root: (root / "etc/extra").write_text("x"),
    "folder added": lambda root: (root / "etc/extra").mkdir(),
    "folder mode": lambda root: (root / "empty").chmod(0o700),
    "renamed": lambda root: (root / "etc/conf").rename(root / "etc/conf2"),
    "link": lambda root: ((root / "bin").unlink(), (root / "bin").symlink_to("/bin")),
    "stamp": lambda root: (root.parent / "stamp.json").write_text("{"),
    "stamp of another": lambda root: (root.parent / "stamp.json").write_text(
        '{"fingerprint": "00"}'
    ),
    "no stamp": lambda root: (root.parent / "stamp.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_root_is_made_again(cache, layers, damage):
    root = ensure_root(cache, NAME, layers)
    damage(root)
    again = ensure_root(cache, NAME, layers)
    assert again == root
    assert (root / "usr/bin/tool").read_text() == "tool"
    assert (root / "usr/bin/tool").stat().st_mode & 0o777 == 0o755
    assert (root / "etc/conf").read_text() == "conf"
    assert sorted(os.listdir(root / "etc")) == ["conf"]
    assert os.readlink(root / "bin") == "usr/bin"
    assert (root / "empty").stat().st_mode & 0o777 == 0o755
    assert leftovers(cache) == []


def test_full_verification_finds_what_a_forged_stamp_hides(cache, layers):
    root = ensure_root(cache, NAME, layers)
    (root / "etc/conf").write_text("evil")
    (root.parent / "stamp.json").write_text(json.dumps({"fingerprint": fingerprint(root)}))
    assert (ensure_root(cache, NAME, layers) / "etc/conf").read_text() == "evil"
    assert (ensure_root(cache, NAME, layers, "full") / "etc/conf").read_text() == "conf"


def test_full_verification_keeps_a_sound_root(cache, layers):
    inode = ensure_root(cache, NAME, layers).stat().st_ino
    assert ensure_root(cache, NAME, layers, "full").stat().st_ino == inode


def test_damaged_layers_are_an_integrity_error_and_leave_nothing(cache, layers):
    path = cache.blob_path(layers[0].blob.digest)
    path.write_bytes(path.read_bytes().replace(b"tool", b"evil"))
    with pytest.raises(IntegrityError):
        ensure_root(cache, NAME, layers)
    assert not cache.roots.exists() or list(cache.roots.iterdir()) == []
    assert leftovers(cache) == []


def test_a_missing_layer_is_an_integrity_error(cache, layers):
    cache.blob_path(layers[0].blob.digest).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        ensure_root(cache, NAME, layers)


def test_fingerprint_of_nothing(tmp_path):
    assert fingerprint(tmp_path / "nowhere") is None
