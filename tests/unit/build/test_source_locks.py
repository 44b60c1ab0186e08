import pytest

from neurocaas_ci.build.source_locks import (
    LockedSource,
    PinnedSource,
    WheelFile,
    format_sources_lock,
    parse_sources_lock,
    wheel_digest,
)
from neurocaas_ci.errors import BuildError

A, B, C = "a" * 64, "b" * 64, "c" * 64
FILES = (
    WheelFile("pkg/with space, 100% ünï.py", executable=False, sha256=A, size=0),
    WheelFile("pkg/x.so", executable=True, sha256=B, size=12),
)
SOURCES = (
    LockedSource(PinnedSource("pkg", "1.0+cpu", A, 10, "pkg-1.0+cpu.tar.gz"), FILES),
    LockedSource(PinnedSource("tool", "2!3.0", C, 20480, "0" * 40), FILES[:1]),
)
GOOD = f"sdist pkg 1.0 {A} 10 pkg-1.0.tar.gz\n  file 644 {B} 3 pkg.py\n"


def test_what_is_written_is_read_again():
    text = format_sources_lock(SOURCES[::-1], A)
    assert text.isascii()
    assert parse_sources_lock(text.encode(), "x") == SOURCES
    assert f"git tool 2!3.0 {C} 20480 {'0' * 40}\n" in text


def test_the_digest_of_a_wheel_is_that_of_its_files_in_any_order():
    assert wheel_digest(FILES) == wheel_digest(FILES[::-1])
    other = FILES[1]._replace(executable=False)
    assert wheel_digest(FILES) != wheel_digest((FILES[0], other))


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (GOOD + GOOD, 3, "locked twice"),
        (GOOD + f"  file 644 {B} 3 pkg.py\n", 3, "locked twice"),
        (f"  file 644 {B} 3 pkg.py\n" + GOOD, 1, "expected a source"),
        (GOOD.replace("644", "666"), 2, "expected a source"),
        (GOOD.replace("pkg-1.0.tar.gz", "0" * 40), 1, "only a git source has a commit"),
        (GOOD.replace("sdist", "git"), 1, "only a git source has a commit"),
        (GOOD.replace(A, A[:-1]), 1, "expected a source"),
        (GOOD.replace("pkg-1.0.tar.gz", "../pkg.tar.gz"), 1, "expected a source"),
        (f"sdist pkg 1.0 {A} 10 pkg-1.0.tar.gz\n", None, "the wheel of 'pkg' is not locked"),
    ],
)
def test_a_lock_that_was_edited(text, line, problem):
    with pytest.raises(BuildError, match=problem) as caught:
        parse_sources_lock(text.encode(), "x")
    assert caught.value.where == "iae/x/sources.lock" + (f":{line}" if line else "")
    assert "neurocaas iae lock x" in caught.value.hint
