"""Every file of the results is changed, one at a time, and in every way that a file can be changed.

The other two verifiers see no results: a folder is compared with a certificate by ours alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from interop_verifiers import failed, ours
from signed_results import BYPRODUCTS, PARAMETERS, SUBJECTS

OUTPUTS, RECORDS, OTHERS = ["outputs"], ["records"], ["nothing else"]
BOTH = ["outputs", "nothing else"]
EXPLAINING = ("README.md", "parameters.yaml", "certificate.sigstore.json")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def missing(path: Path) -> None:
    path.unlink()


def renamed(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}x"))


def in_other_case(path: Path) -> None:
    path.rename(path.with_name(path.name.swapcase()))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def executable(path: Path) -> None:
    path.chmod(0o777)


def read_only(path: Path) -> None:
    path.chmod(0o400)


def older(path: Path) -> None:
    os.utime(path, (0, 0))


CONTENT = [flipped, emptied, longer]
PLACE = [renamed, in_other_case]
NOT_A_FILE = [pipe]
MEANINGLESS = [executable, read_only, older]


@pytest.fixture
def results(signed, tmp_path):
    """Return a copy of the results that a test may damage."""
    return shutil.copytree(signed.results, tmp_path / "below/results")


def _cases():
    for name in SUBJECTS:
        yield from ((name, change, OUTPUTS) for change in [*CONTENT, missing, folder])
        yield from ((name, change, BOTH) for change in [*PLACE, *NOT_A_FILE])
    for name in BYPRODUCTS:
        yield from ((name, change, RECORDS) for change in CONTENT)
        # A folder of results without its logs is still one; it is said that nobody looked at them.
        yield from ((name, change, []) for change in [missing, folder])
        yield from ((name, change, OTHERS) for change in [*PLACE, *NOT_A_FILE])
    for name in EXPLAINING:
        yield from ((name, change, []) for change in [missing, folder])
        yield from ((name, change, OTHERS) for change in [*PLACE, *NOT_A_FILE])
    yield from (("README.md", change, []) for change in CONTENT)
    yield from (("parameters.yaml", change, ["parameters"]) for change in CONTENT)
    # A bit may be one that its certificate's identity does not depend on.
    yield from (("certificate.sigstore.json", change, OTHERS) for change in [emptied, longer])
    for name in (*SUBJECTS, *BYPRODUCTS, *EXPLAINING):
        yield from ((name, change, []) for change in MEANINGLESS)


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [pytest.param(*case, id=f"{case[0]}-{case[1].__name__}") for case in _cases()],
)
def test_every_change_of_every_file(signed, results, name, change, expected):
    change(results / name)
    assert failed(ours(signed.asked, results)) == expected


def test_every_file_of_the_results_is_in_the_table(results):
    there = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    assert there == {name for name, _, _ in _cases()}


@pytest.mark.parametrize("name", [*SUBJECTS, *BYPRODUCTS, *EXPLAINING])
@pytest.mark.parametrize("hard", [False, True], ids=["symlink", "hard link"])
def test_a_link_in_place_of_a_file(signed, results, name, hard):
    path, elsewhere = results / name, results.parent / "elsewhere"
    path.rename(elsewhere)
    if hard:
        os.link(elsewhere, path)
    else:
        path.symlink_to(elsewhere)
    linked = BOTH if name in SUBJECTS else OTHERS
    assert failed(ours(signed.asked, results)) == ([] if hard else linked)


@pytest.mark.parametrize("inside", [False, True])
def test_a_link_in_place_of_a_folder(signed, results, inside):
    kept = results / "kept" if inside else results.parent / "kept"
    (results / "001-smooth").rename(kept)
    (results / "001-smooth").symlink_to(kept)
    assert failed(ours(signed.asked, results)) == BOTH


@pytest.mark.parametrize(
    "name",
    ["more.txt", "001-smooth/more.npz", ".hidden", "logs/003-smooth.log", "new/parameters.yaml",
     "001-smooth/README.md", "001-smooth/certificate.sigstore.json", "a/b/c/d/e", "caf\u00e9",
     "\u202etxt.exe", "line\nbreak", "\udcff"],
    ids=ascii,
)  # fmt: skip
def test_what_nobody_certified_is_named(signed, results, name):
    extra = results / name
    extra.parent.mkdir(parents=True, exist_ok=True)
    extra.write_text("more")
    result = ours(signed.asked, results)
    assert failed(result) == OTHERS
    assert all(check.text.isprintable() for check in result.checks)


@pytest.mark.parametrize("depth", [63, 64, 65, 200])
def test_a_file_at_any_depth_is_seen(signed, results, depth):
    deep = results
    for _ in range(depth):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    assert failed(ours(signed.asked, results)) == OTHERS


def test_a_folder_without_files_is_nothing(signed, results):
    (results / "empty/folder").mkdir(parents=True)
    assert failed(ours(signed.asked, results)) == []


def test_files_of_two_runs_are_not_exchanged(signed, results):
    one, two = (results / f"00{n}-smooth/smoothed.npz" for n in (1, 2))
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert failed(ours(signed.asked, results)) == OUTPUTS


def test_a_certificate_with_another_proof_is_the_same(signed, results):
    document = signed.document
    document["dsseEnvelope"]["signatures"][0]["keyid"] = "another hint"
    (results / "certificate.sigstore.json").write_text(json.dumps(document, indent=2))
    assert failed(ours(signed.asked, results)) == []


def test_the_certificate_of_another_job_is_not_certified(signed, results):
    (results / "certificate.sigstore.json").write_bytes(signed.other)
    assert failed(ours(signed.asked, results)) == OTHERS


@pytest.mark.parametrize(
    "content",
    [json.dumps(PARAMETERS, indent=2), json.dumps(dict(reversed(PARAMETERS.items())))],
    ids=["spaced", "another order"],
)
def test_parameters_may_be_spelled_in_another_way(signed, results, content):
    (results / "parameters.yaml").write_text(content)
    assert failed(ours(signed.asked, results)) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps({**PARAMETERS, "noise": "full"}), id="value"),
        pytest.param(json.dumps({**PARAMETERS, "more": None}), id="more"),
        pytest.param(json.dumps({"noise": "diagonal", "restart": True}), id="less"),
        pytest.param(json.dumps({**PARAMETERS, "em_iterations": "50"}), id="text"),
        pytest.param(json.dumps({**PARAMETERS, "restart": 1}), id="one for true"),
        pytest.param('{"noise": "full", ' + json.dumps(PARAMETERS)[1:], id="twice"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("not JSON", id="no JSON"),
        pytest.param("null", id="null"),
    ],
)
def test_other_parameters_are_seen(signed, results, content):
    (results / "parameters.yaml").write_text(content)
    assert failed(ours(signed.asked, results)) == ["parameters"]


def without_privileges(question):
    """Return the answer, a list of names, that a user gets whom permissions bind.

    Root asks in a child. Here, threads that launched sandboxes may be nobody for good, and the C
    library ends a process whose threads cannot all change their user.
    """
    if os.geteuid() != 0:
        return question()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.seteuid(65534)
            os.write(writing, json.dumps(question()).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as answer:
        content = answer.read()
    os.waitpid(child, 0)
    assert content, "the child raised an exception"
    return json.loads(content)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("001-smooth/smoothed.npz", OUTPUTS),
        ("logs/001-smooth.log", RECORDS),
        ("parameters.yaml", ["parameters"]),
        ("certificate.sigstore.json", OTHERS),
        # Nobody can say what else lies there.
        ("001-smooth/sub", [*OUTPUTS, *OTHERS]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_does_not_hold(signed, name, expected):
    with tempfile.TemporaryDirectory(prefix="neurocaas-interop-") as folder:
        results = shutil.copytree(signed.results, Path(folder, "results"))
        Path(folder).chmod(0o755)
        # What has to be read once is read before.
        assert failed(ours(signed.asked, results)) == []
        (results / name).chmod(0)
        try:
            found = without_privileges(lambda: failed(ours(signed.asked, results)))
        finally:
            (results / name).chmod(0o755)
    assert found == expected
