import pytest
from build_archives import deb, link, member

from neurocaas_ci.build.deb import deb_entries
from neurocaas_ci.build.entries import link_entry
from neurocaas_ci.build.spool import Spool
from neurocaas_ci.errors import BuildError


@pytest.fixture
def spool(tmp_path):
    with Spool(tmp_path) as spool:
        yield spool


def content(entries, path, spool):
    return spool.read(entries[path].content)


def test_unpacks_and_merges_usr(tmp_path, spool):
    package = deb(
        tmp_path / "a.deb",
        member("./"),
        member("./lib/"),
        member("./lib/x86_64-linux-gnu/libc.so.6", b"elf", mode=0o755),
        member("./usr/bin/tool", b"tool", mode=0o4755),
        link("./usr/bin/alias", "./usr/bin/tool", hard=True),
        link("./lib64/ld.so", "/lib/x86_64-linux-gnu/ld.so"),
        member("./usr/share/doc/a/copyright", b"text"),
        member("./usr/share/man/man1/a.1", b"text"),
    )
    found = deb_entries([("a 1", package)], spool)
    assert content(found, "usr/lib/x86_64-linux-gnu/libc.so.6", spool) == b"elf"
    assert found["usr/bin/tool"].mode == 0o755
    assert found["usr/bin/alias"] == found["usr/bin/tool"]
    assert found["usr/lib64/ld.so"] == link_entry("/lib/x86_64-linux-gnu/ld.so")
    assert found["lib"] == link_entry("usr/lib")
    assert found["bin"] == link_entry("usr/bin")
    assert found["lib64"] == link_entry("usr/lib64")
    assert "lib32" not in found
    assert not [path for path in found if "share" in path]
    assert {"proc", "dev", "inputs", "outputs", "iae"} <= set(found)
    assert b"nobody:x:65534" in found["etc/passwd"].content


def test_a_link_to_its_own_place_after_the_merge_is_dropped(tmp_path, spool):
    package = deb(
        tmp_path / "a.deb",
        member("./usr/bin/which", b"real"),
        link("./bin/which", "/usr/bin/which"),
    )
    found = deb_entries([("a 1", package)], spool)
    assert content(found, "usr/bin/which", spool) == b"real"


def test_uncompressed_data_archive(tmp_path, spool):
    package = deb(tmp_path / "a.deb", member("./usr/a", b"x"), pack=False)
    assert content(deb_entries([("a 1", package)], spool), "usr/a", spool) == b"x"


def test_two_packages_with_one_file_are_refused(tmp_path, spool):
    one = deb(tmp_path / "a.deb", member("./usr/a", b"x"))
    two = deb(tmp_path / "b.deb", member("./usr/a", b"y"))
    with pytest.raises(BuildError, match="b 1 and a 1 both bring 'usr/a'"):
        deb_entries([("a 1", one), ("b 1", two)], spool)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (member("./../../etc/passwd", b"x"), "leaves the root"),
        (member("./dev/sda", None, type=b"4"), "device"),
        (member("./pipe", None, type=b"6"), "device or a pipe"),
        (link("./a", "./nowhere", hard=True), "hard link"),
        (link("./a", "../../etc/shadow", hard=True), "leaves the root"),
        (member("./a\nb", b"x"), "control characters"),
    ],
)
def test_hostile_members_are_refused(tmp_path, spool, bad, problem):
    package = deb(tmp_path / "evil.deb", bad)
    with pytest.raises(BuildError, match=problem) as caught:
        deb_entries([("evil 1", package)], spool)
    assert caught.value.where == "evil 1"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:20],
        lambda data: data[: len(data) - 40],
        lambda data: data.replace(b"!<arch>", b"!<arsh>"),
        lambda data: data.replace(b"data.tar.xz", b"data.tar.qq"),
        lambda data: data.replace(b"data.tar.xz", b"dota.tar.xz"),
        lambda data: data[:-60] + bytes(60),
    ],
)
def test_damaged_packages_are_refused(tmp_path, spool, damage):
    package = deb(tmp_path / "a.deb", member("./usr/a", bytes(range(256)) * 40))
    package.write_bytes(damage(package.read_bytes()))
    with pytest.raises(BuildError) as caught:
        deb_entries([("a 1", package)], spool)
    assert caught.value.where == "a 1"
