import hashlib
import shutil

import pytest

from neurocaas_ci.build.download import Wanted, fetch_all
from neurocaas_ci.build.mirrors import mirrors, ordered_for
from neurocaas_ci.errors import BackendUnavailableError, BuildError, UsageError


def wanted(tmp_path, content=b"package", *bases):
    return Wanted(
        "a 1",
        hashlib.sha256(content).hexdigest(),
        len(content),
        tuple(f"{base}pool/a.deb" for base in bases),
        tmp_path / "cache" / "debs" / "x",
    )


def mirror(tmp_path, name, content):
    path = tmp_path / name / "pool" / "a.deb"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return f"file://{tmp_path}/{name}/"


def fetch(item):
    fetch_all([item], say=lambda _: None, backoff=0)


def test_the_second_mirror_is_asked(tmp_path):
    empty, good = f"file://{tmp_path}/none/", mirror(tmp_path, "good", b"package")
    item = wanted(tmp_path, b"package", empty, good)
    fetch(item)
    assert item.target.read_bytes() == b"package"
    assert [p.name for p in item.target.parent.iterdir()] == ["x"]


@pytest.mark.parametrize("content", [b"packagE", b"package and more", b"pack"])
def test_another_content_is_never_kept(tmp_path, content):
    item = wanted(tmp_path, b"package", mirror(tmp_path, "bad", content))
    with pytest.raises((BuildError, BackendUnavailableError)) as caught:
        fetch(item)
    assert caught.value.where == "a 1"
    assert list(item.target.parent.iterdir()) == []


def test_a_bad_mirror_does_not_spoil_a_good_one(tmp_path):
    bad, good = mirror(tmp_path, "bad", b"packagE"), mirror(tmp_path, "good", b"package")
    item = wanted(tmp_path, b"package", bad, good)
    fetch(item)
    assert item.target.read_bytes() == b"package"


def test_a_lost_version_says_what_to_do(tmp_path):
    item = wanted(tmp_path, b"package", f"file://{tmp_path}/a/", f"file://{tmp_path}/b/")
    with pytest.raises(BuildError, match="no longer on any mirror") as caught:
        fetch(item)
    assert "--upgrade" in caught.value.hint
    assert "NEUROCAAS_DEB_MIRRORS" in caught.value.hint


def test_own_mirrors_come_first(monkeypatch):
    monkeypatch.setenv("NEUROCAAS_DEB_MIRRORS", "file:///a https://example.org/debian/")
    assert mirrors()[:2] == ("file:///a/", "https://example.org/debian/")


def test_an_address_that_is_none(monkeypatch):
    monkeypatch.setenv("NEUROCAAS_DEB_MIRRORS", "example.org")
    with pytest.raises(UsageError, match=r"'example\.org'"):
        mirrors()


def test_a_machine_without_apt_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.delenv("NEUROCAAS_DEB_MIRRORS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackendUnavailableError) as caught:
        mirrors()
    assert "NEUROCAAS_DEB_MIRRORS" in caught.value.hint


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt on this machine")
def test_apt_is_asked_for_its_mirrors(monkeypatch):
    monkeypatch.delenv("NEUROCAAS_DEB_MIRRORS", raising=False)
    assert all(address.endswith("/") for address in mirrors())


def test_the_security_archive_is_asked_first_for_its_own_pool():
    bases = ("http://m/debian/", "http://m/debian-security/")
    assert ordered_for("pool/updates/a", bases)[0] == "http://m/debian-security/pool/updates/a"
    assert ordered_for("pool/main/a", bases)[0] == "http://m/debian/pool/main/a"
