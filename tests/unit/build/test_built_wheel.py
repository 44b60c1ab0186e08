"""What a build leaves is judged, and packed in one way only."""

import csv
import hashlib
import io
import stat
import zipfile

import pytest
from build_archives import wheel

from neurocaas_ci.build.built_wheel import (
    Expected,
    first_difference,
    read_canonical,
    write_canonical,
)
from neurocaas_ci.build.cache import Cache
from neurocaas_ci.errors import BuildError

EXPECTED = Expected("my-pkg", "1.0", "3.11", "x86_64")
TITLE = "my_pkg-1.0-py3-none-any.whl"
INFO = "my_pkg-1.0.dist-info"


def parts(*, name="My.Pkg", version="1.0", tag="py3-none-any", **more):
    return {
        "my_pkg/__init__.py": b"VALUE = 1\n",
        f"{INFO}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{INFO}/WHEEL": f"Wheel-Version: 1.0\nTag: {tag}\n".encode(),
        f"{INFO}/RECORD": b"a lie,,\n",
        **more,
    }


def canonical(tmp_path, files, title=TITLE, modes=None):
    source = wheel(tmp_path / "source.whl", files, modes)
    return write_canonical(title, source, tmp_path / "out.whl", EXPECTED)


def test_order_compression_times_modes_and_records_do_not_count(tmp_path):
    files = parts(**{"my_pkg/x.so": b"code"})
    one = canonical(tmp_path, files, modes={"my_pkg/x.so": stat.S_IFREG | 0o700})
    bytes_of_one = (tmp_path / "out.whl").read_bytes()
    other = {**dict(reversed(files.items())), f"{INFO}/RECORD": b"", f"{INFO}/RECORD.jws": b"{}"}
    two = canonical(tmp_path, other, modes={"my_pkg/x.so": stat.S_IFREG | 0o775})
    assert one == two
    assert bytes_of_one == (tmp_path / "out.whl").read_bytes()
    assert one == read_canonical("x", tmp_path / "out.whl")
    assert {f.path for f in one if f.executable} == {"my_pkg/x.so"}


def test_the_record_is_true(tmp_path):
    canonical(tmp_path, parts(**{'my_pkg/odd,"name".py': b"x"}))
    with zipfile.ZipFile(tmp_path / "out.whl") as archive:
        rows = list(csv.reader(io.StringIO(archive.read(f"{INFO}/RECORD").decode())))
        assert sorted(row[0] for row in rows) == sorted(archive.namelist())
        for path, digest, size in rows[:-1]:
            data = archive.read(path)
            packed = hashlib.sha256(data).digest()
            import base64

            assert digest == "sha256=" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
            assert int(size) == len(data)
    assert rows[-1] == [f"{INFO}/RECORD", "", ""]


@pytest.mark.parametrize(
    "tag", ["cp311-cp311-linux_x86_64", "cp38-abi3-linux_x86_64", "py311-none-any"]
)
def test_tags_that_fit(tmp_path, tag):
    assert canonical(tmp_path, parts(tag=tag))


@pytest.mark.parametrize(
    ("files", "title", "problem"),
    [
        (parts(), "other-1.0-py3-none-any.whl", "a wheel of another package or version"),
        (parts(), "my_pkg-2.0-py3-none-any.whl", "a wheel of another package or version"),
        (parts(), "my_pkg-1.0.tar.gz", "no name of a wheel"),
        (parts(), "../my_pkg-1.0-py3-none-any.whl", "no name of a wheel"),
        (parts(name="other"), TITLE, "says that it is other 1.0"),
        (parts(version="2.0"), TITLE, "says that it is My.Pkg 2.0"),
        (parts(tag="cp312-cp312-linux_x86_64"), TITLE, "not for Python 3.11 on x86_64"),
        (parts(tag="cp311-cp311-linux_aarch64"), TITLE, "not for Python 3.11 on x86_64"),
        (parts(tag="cp311-cp311-manylinux_2_17_x86_64"), TITLE, "not for Python 3.11 on x86_64"),
        (parts(**{"../evil.py": b""}), TITLE, "leaves the root"),
        (parts(**{"/evil.py": b""}), TITLE, "is absolute"),
        (parts(**{"a\nb.py": b""}), TITLE, "control characters"),
        (
            parts(**{"./my_pkg/__init__.py": b"VALUE = 2\n"}),
            TITLE,
            "brings 'my_pkg/__init__.py' twice",
        ),
        (parts(**{"b-1.dist-info/METADATA": b""}), TITLE, "describes 2 packages"),
        ({"my_pkg.py": b""}, TITLE, "describes 0 packages"),
        ({f"{INFO}/WHEEL": b"Tag: py3-none-any\n"}, TITLE, "has no my_pkg-1.0.dist-info/METADATA"),
    ],
)
def test_what_is_refused(tmp_path, files, title, problem):
    with pytest.raises(BuildError, match=problem) as caught:
        canonical(tmp_path, files, title)
    assert caught.value.where == "my-pkg==1.0"


def test_links_and_damage_are_refused(tmp_path):
    with pytest.raises(BuildError, match="not a regular file"):
        canonical(tmp_path, parts(link=b"/etc/passwd"), modes={"link": stat.S_IFLNK | 0o777})
    source = wheel(tmp_path / "source.whl", parts())
    data = bytearray(source.read_bytes())
    data[data.index(b"VALUE") if b"VALUE" in data else 60] ^= 0xFF
    source.write_bytes(data)
    with pytest.raises(BuildError, match="not a sound wheel"):
        write_canonical(TITLE, source, tmp_path / "out.whl", EXPECTED)


def test_a_damaged_or_missing_kept_wheel_is_none(tmp_path):
    Cache(tmp_path)
    assert read_canonical("x", tmp_path / "none.whl") is None
    canonical(tmp_path, parts())
    data = (tmp_path / "out.whl").read_bytes()
    (tmp_path / "out.whl").write_bytes(data.replace(b"VALUE = 1", b"VALUE = 2"))
    assert read_canonical("x", tmp_path / "out.whl") is None


def test_the_first_difference_is_named(tmp_path):
    one = canonical(tmp_path, parts(**{"z.py": b"1"}))
    two = canonical(tmp_path, parts(**{"z.py": b"22"}))
    more = canonical(tmp_path, parts(**{"z.py": b"1", "a.py": b""}))
    assert first_difference(one, one) is None
    assert first_difference(one, two).startswith("z.py differs first: locked ")
    assert first_difference(one, two).endswith("(2 bytes)")
    assert first_difference(one, more) == "a.py is only in the built one"
    assert first_difference(more, one) == "a.py is only in the locked one"
