import gzip
import os
import tarfile

import pytest
from build_archives import link, member, stored, tar

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.unpack import Layer, unpack
from neurocaas_ci.errors import BuildError, IntegrityError


@pytest.fixture
def place(tmp_path):
    """A root to unpack into, with a neighbour that nothing may touch."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("untouched")
    (tmp_path / "root").mkdir()
    yield tmp_path
    assert (tmp_path / "outside" / "precious").read_text() == "untouched"
    assert sorted(os.listdir(tmp_path / "outside")) == ["precious"]
    assert set(os.listdir(tmp_path)) <= {"outside", "root", "oci"}


def apply(place, *layers, packed=None):
    cache = Cache(place)
    done = [stored(place, data, packed=packed) for data in layers]
    unpack([Layer(cache.blob_path(la.blob.digest), la.blob.digest, la.diff_id) for la in done],
           place / "root")  # fmt: skip
    return place / "root"


def test_everybody_may_read_whatever_the_umask(place):
    before = os.umask(0o077)
    try:
        root = apply(place, tar(member("a/b/file", b"x", mode=0o600), member("c", mode=0o700),
                                member("program", b"x", mode=0o4711)))  # fmt: skip
    finally:
        os.umask(before)
    modes = {
        p: (root / p).stat().st_mode & 0o7777 for p in ("a", "a/b", "a/b/file", "c", "program")
    }
    assert modes == {"a": 0o755, "a/b": 0o755, "a/b/file": 0o644, "c": 0o755, "program": 0o755}


def test_later_layers_replace_and_hide(place):
    root = apply(
        place,
        tar(member("d/gone", b"1"), member("d/kept", b"1"), member("o/old", b"1")),
        tar(member("d/.wh.gone", b""), member("o/new", b"2"), member("o/.wh..wh..opq", b""),
            member("d/kept", b"2")),
    )  # fmt: skip
    assert sorted(os.listdir(root / "d")) == ["kept"]
    assert (root / "d/kept").read_text() == "2"
    assert os.listdir(root / "o") == ["new"]


def test_hard_links_inside_are_made(place):
    root = apply(place, tar(member("a", b"x"), link("b/c", "a", hard=True)))
    assert (root / "b/c").read_text() == "x"


@pytest.mark.parametrize(
    "members",
    [
        # The link leads out of the root on this machine, but inside the image it does not.
        [link("evil", "/"), member("evil/hit", b"x")],
        [link("evil", "../../../../"), member("evil/hit", b"x")],
        [link("evil", "../outside"), member("evil/hit", b"x")],
        [link("a", "/b"), link("b", "/"), member("a/hit", b"x")],
    ],
)
def test_a_write_through_a_link_stays_inside(place, members):
    root = apply(place, tar(*members))
    found = [os.path.join(folder, n) for folder, _, names in os.walk(root) for n in names]
    assert [path for path in found if path.endswith("hit")]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ([member("../outside/hit", b"x")], "leaves the root"),
        ([member("a/../../outside/hit", b"x")], "leaves the root"),
        ([member("/outside/hit", b"x")], "is absolute"),
        ([member("dev/sda", None, type=tarfile.BLKTYPE)], "device"),
        ([member("dev/null", None, type=tarfile.CHRTYPE)], "device"),
        ([member("pipe", None, type=tarfile.FIFOTYPE)], "pipe"),
        ([link("a", "../outside/precious", hard=True)], "leaves the root"),
        ([link("a", "/etc/passwd", hard=True)], "is absolute"),
        ([link("a", "nowhere", hard=True)], "not a file of it"),
        ([link("s", "../outside/precious"), link("a", "s", hard=True)], "not a file of it"),
        ([member("a", b"x"), member("a/b", b"x")], "leads through a file"),
        ([link("a", "b"), link("b", "a"), member("a/x", b"x")], "too many links"),
        ([member(".wh...", b"")], "hides nothing"),
        ([member("d/.wh..", b"")], "hides nothing"),
        ([member(".wh.", b"")], "hides nothing"),
        ([member("a\nb", b"x")], "control characters"),
    ],
)
def test_hostile_members_are_refused(place, members, problem):
    with pytest.raises(BuildError, match=problem):
        apply(place, tar(*members))


def test_gzip_layers_are_accepted(place):
    data = tar(member("a", b"x" * 5000))
    root = apply(place, data, packed=gzip.compress(data))
    assert (root / "a").read_bytes() == b"x" * 5000


def test_a_layer_with_another_content_is_refused(place):
    data = tar(member("a", b"x" * 5000))
    layer = stored(place, data)
    path = Cache(place).blob_path(layer.blob.digest)
    path.write_bytes(data.replace(b"xxxx", b"xxxy", 1))
    with pytest.raises(IntegrityError, match="does not have its digest"):
        unpack([Layer(path, layer.blob.digest, layer.diff_id)], place / "root")


def test_a_gzip_layer_with_another_diff_id_is_refused(place):
    layer = stored(place, tar(member("a", b"1")), packed=gzip.compress(tar(member("a", b"2"))))
    path = Cache(place).blob_path(layer.blob.digest)
    with pytest.raises(IntegrityError, match="does not have its digest"):
        unpack([Layer(path, layer.blob.digest, layer.diff_id)], place / "root")


@pytest.mark.parametrize("packed", [True, False])
def test_a_cut_layer_is_refused(place, packed):
    data = tar(member("a", bytes(range(256)) * 100))
    kept = gzip.compress(data) if packed else data
    layer = stored(place, data, packed=kept[: len(kept) // 2])
    path = Cache(place).blob_path(layer.blob.digest)
    with pytest.raises(IntegrityError):
        unpack([Layer(path, layer.blob.digest, layer.diff_id)], place / "root")


def test_zstandard_is_named(place):
    layer = stored(place, b"\x28\xb5\x2f\xfd" + bytes(100))
    path = Cache(place).blob_path(layer.blob.digest)
    with pytest.raises(BuildError, match="Zstandard"):
        unpack([Layer(path, layer.blob.digest, layer.diff_id)], place / "root")
