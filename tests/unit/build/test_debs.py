import hashlib
import tarfile

import pytest
from build_archives import deb, member

from neurocaas_ci.build.cache import Cache
from neurocaas_ci.build.debs import fetch_debs, write_base_layer
from neurocaas_ci.build.locks import LockedDeb
from neurocaas_ci.errors import BuildError

PATH = "pool/main/a/a_1_amd64.deb"


def say(_):
    pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror in a folder that has one package; apt is out of sight."""
    path = tmp_path / "mirror" / PATH
    path.parent.mkdir(parents=True)
    deb(path, member("./usr/bin/a", b"program", mode=0o755))
    monkeypatch.setenv("NEUROCAAS_DEB_MIRRORS", f"file://{tmp_path}/mirror")
    monkeypatch.setenv("PATH", str(tmp_path))
    return path


@pytest.fixture
def locked(mirror):
    data = mirror.read_bytes()
    return LockedDeb("a", "1", hashlib.sha256(data).hexdigest(), len(data), PATH)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def test_the_base_layer_holds_what_the_package_holds(cache, locked):
    blob = write_base_layer([locked], cache, say)
    with tarfile.open(cache.blob_path(blob.digest)) as archive:
        assert archive.extractfile("usr/bin/a").read() == b"program"
        assert {"etc/passwd", "inputs", "bin"} < set(archive.getnames())


def test_a_package_in_the_cache_needs_no_mirror(cache, locked, mirror, monkeypatch):
    fetch_debs([locked], cache, say)
    mirror.unlink()
    monkeypatch.delenv("NEUROCAAS_DEB_MIRRORS")
    first = write_base_layer([locked], cache, say)
    assert write_base_layer([locked], cache, say) == first


def test_a_damaged_package_in_the_cache_is_fetched_again(cache, locked, mirror):
    fetch_debs([locked], cache, say)
    kept = cache.download_path("debs", locked.sha256)
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    fetch_debs([locked], cache, say)
    assert kept.read_bytes() == mirror.read_bytes()


def test_a_damaged_package_that_is_gone_from_the_mirror(cache, locked, mirror):
    fetch_debs([locked], cache, say)
    kept = cache.download_path("debs", locked.sha256)
    kept.write_bytes(b"damaged")
    mirror.unlink()
    with pytest.raises(BuildError, match="no longer on any mirror"):
        write_base_layer([locked], cache, say)
