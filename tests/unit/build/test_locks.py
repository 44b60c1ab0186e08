import pytest

from neurocaas_ci.build.base import debian_glibc
from neurocaas_ci.build.locks import (
    LockedDeb,
    LockedWheel,
    basis,
    basis_of,
    format_base_lock,
    format_iae_lock,
    format_requirements_lock,
    parse_base_lock,
    parse_requirements_lock,
)
from neurocaas_ci.errors import BuildError
from neurocaas_ci.model.registry import IaeLock
from neurocaas_ci.registry import Registry

HEX = "0123456789abcdef" * 4
DEBS = (
    LockedDeb("libc6", "2.36-9+deb12u14", HEX, 2759320, "pool/main/g/glibc/libc6_2.36_amd64.deb"),
    LockedDeb("zlib1g", "1:1.2.13.dfsg-1", HEX, 86684, "pool/main/z/zlib/zlib1g_1.2_amd64.deb"),
)
WHEELS = (LockedWheel("numpy", "2.4.6", HEX), LockedWheel("zarr", "3.0.0", HEX))


def test_base_lock_survives_a_round_trip():
    text = format_base_lock(DEBS[::-1], basis(packages=["a"]))
    assert parse_base_lock(text.encode(), "x") == DEBS
    assert basis_of(text) == basis(packages=["a"])
    assert "//" not in text  # no address


def test_requirements_lock_survives_a_round_trip():
    text = format_requirements_lock(WHEELS[::-1], basis(a=1))
    assert parse_requirements_lock(text.encode(), "x") == WHEELS
    assert basis_of(text) == basis(a=1)


def test_a_lock_without_basis_is_out_of_date():
    assert basis_of("# nothing\n") is None


GOOD = f"libc6 2.36-9 {HEX} 10 pool/main/g/libc6.deb"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("libc6 2.36", "expected `name version sha256 size path`"),
        (GOOD.replace("libc6", "LIBC", 1), "not a package name"),
        (GOOD.replace("2.36-9", "2;36"), "not a package version"),
        (GOOD.replace(HEX, HEX[:-1]), "not a SHA-256 digest"),
        (GOOD.replace(" 10 ", " -1 "), "not a size"),
        (GOOD.replace(" 10 ", " 0 "), "not a size"),
        (GOOD.replace("pool/main", "../main"), "not a path"),
        (GOOD.replace("pool/main", "/pool/main"), "not a path"),
        (GOOD.replace("pool/main", "pool/../main"), "not a path"),
        (GOOD.replace("pool", "http://mirror/pool"), "not a path"),
        (GOOD.replace(".deb", ".exe"), "not a path"),
    ],
)
def test_bad_lines_of_base_lock_are_named(line, problem):
    with pytest.raises(BuildError, match=problem) as caught:
        parse_base_lock(f"# head\n\n{line}\n".encode(), "x")
    assert caught.value.where == "iae/x/base.lock:3"
    assert "neurocaas iae lock x" in caught.value.hint


def test_a_package_locked_twice():
    with pytest.raises(BuildError, match="twice"):
        parse_base_lock(f"{GOOD}\n{GOOD}\n".encode(), "x")


def test_an_empty_base_lock():
    with pytest.raises(BuildError, match="locks no package"):
        parse_base_lock(b"# only a comment\n", "x")


def test_bytes_that_are_no_text():
    with pytest.raises(BuildError, match="not plain ASCII"):
        parse_base_lock(b"\xff\xfe", "x")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==2.4.6",
        "numpy>=2 --hash=sha256:" + HEX,
        "numpy==2.4.6 --hash=md5:" + HEX,
        f"numpy==2.4.6 --hash=sha256:{HEX} --hash=sha256:{HEX}",
        "--index-url http://mirror/",
        "-e .",
        "numpy @ file:///tmp/numpy.whl",
        f"../evil==1 --hash=sha256:{HEX}",
    ],
)
def test_bad_lines_of_requirements_lock_are_named(line):
    with pytest.raises(BuildError, match="expected `name==version") as caught:
        parse_requirements_lock(f"{line}\n".encode(), "x")
    assert caught.value.where == "iae/x/requirements.lock:1"


def test_a_wheel_locked_twice():
    line = f"numpy==2.4.6 --hash=sha256:{HEX}\n"
    with pytest.raises(BuildError, match="twice"):
        parse_requirements_lock((line + line.replace("numpy", "NumPy")).encode(), "x")


def test_the_registry_reads_the_lock_that_we_write():
    lock = IaeLock(HEX, HEX[::-1], HEX, reproducible=False)

    class Tree:
        def read(self, path, limit=None):
            return format_iae_lock(lock).encode()

        def entries(self, prefix=""):
            return []

    assert Registry(Tree()).iae_lock("x").value == lock


def test_the_c_library_bounds_the_wheels():
    assert debian_glibc(DEBS) == (2, 36)
    with pytest.raises(BuildError, match="no C library"):
        debian_glibc(DEBS[1:])
