"""`--fix` and `--diff` on real folders: what is written, how, and what is refused."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from builder import BLUEPRINT, VALID, Case, findings_of, put, sub
from cases_support import ADA, LAB

from neurocaas_ci.cli.fix import diff, fix
from neurocaas_ci.errors import UsageError
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry.tree import Tree

JOB = "registry/jobs/ada/2026-11/first.yaml"
SMALL = "registry/hardware/small.yaml"
TINY = "registry/hardware/tiny"
_CASE = Case(
    (
        sub(BLUEPRINT, "default: 3", "default: 4"),
        sub(LAB, "[ada, grace]", "[grace]"),
        sub(SMALL, "provider: local", "provider: locla"),
        put(f"{TINY}.yml", VALID[SMALL].replace("small", "tiny").replace("local", "locla")),
    )
)


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in _CASE.files().items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        (root / JOB).chmod(0o755)

    def judge(self, tree: Tree) -> Sequence[Finding]:
        return findings_of(_CASE, tree)

    def files(self) -> dict[str, bytes]:
        files = (
            path for path in self.root.rglob("*") if path.is_file() and ".git" not in path.parts
        )
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_everything_is_mended_and_nothing_else_is_touched(folder: Folder) -> None:
    before = folder.files()
    (folder.root / SMALL).chmod(0o640)
    result = fix(folder.root, folder.judge)
    assert result.findings == ()
    assert result.repairs == 6
    after = folder.files()
    assert {p for p in before | after if before.get(p) != after.get(p)} == {
        BLUEPRINT, LAB, SMALL, f"{TINY}.yml", f"{TINY}.yaml"
    }  # fmt: skip
    assert b"version: 1.0.1\n" in after[BLUEPRINT]
    assert b"members: [ada, grace]" in after[LAB]
    assert after[f"{TINY}.yaml"] == before[f"{TINY}.yml"].replace(b"locla", b"local")
    assert stat.S_IMODE((folder.root / SMALL).stat().st_mode) == 0o640
    assert stat.S_IMODE((folder.root / JOB).stat().st_mode) == 0o644
    assert fix(folder.root, folder.judge).repairs == 0
    assert folder.files() == after


def test_a_diff_writes_nothing_and_says_what_fix_does(folder: Folder) -> None:
    before = folder.files()
    (folder.root / ADA).write_bytes(
        before[ADA].replace(b"groups: [lab]\n", b"groups: [lab]  # \xc3\xa9")
    )
    subprocess.run(["git", "init", "-q", "."], cwd=folder.root, check=True)
    before = folder.files()
    text = diff(folder.root, fix(folder.root, folder.judge, write=False))
    assert folder.files() == before
    assert f"rename from {TINY}.yml\nrename to {TINY}.yaml\n" in text
    assert "old mode 100755\nnew mode 100644\n" in text
    assert "-  provider" not in text
    # git makes of the diff what --fix makes of the files.
    subprocess.run(["git", "apply", "-"], cwd=folder.root, input=text.encode(), check=True)
    applied = folder.files()
    for path in applied:
        (folder.root / path).unlink()
    again = Folder(folder.root)
    (folder.root / ADA).write_bytes(before[ADA])
    fix(folder.root, again.judge)
    assert folder.files() == applied


def test_a_file_without_a_last_line_break_is_said_to_have_none(folder: Folder) -> None:
    path = folder.root / SMALL
    path.write_bytes(path.read_bytes().replace(b"local", b"locla").rstrip())
    text = diff(folder.root, fix(folder.root, folder.judge, write=False))
    assert "\\ No newline at end of file\n" not in text  # the last line is not near the change
    path.write_bytes(b"\r\n".join(path.read_bytes().split(b"\n")))
    fix(folder.root, folder.judge)
    assert path.read_bytes() == VALID[SMALL].replace("\n", "\r\n").encode().rstrip()


def test_a_file_that_changed_meanwhile_stops_everything(folder: Folder) -> None:
    calls = []

    def judge(tree: Tree) -> Sequence[Finding]:
        calls.append(1)
        if len(calls) == 2:
            (folder.root / LAB).write_text("somebody else\n")
        return folder.judge(tree)

    before = folder.files()
    with pytest.raises(UsageError, match="was changed while"):
        fix(folder.root, judge)
    assert folder.files() == {**before, LAB: b"somebody else\n"}


def test_a_target_that_appeared_meanwhile_is_not_overwritten(folder: Folder) -> None:
    calls = []

    def judge(tree: Tree) -> Sequence[Finding]:
        calls.append(1)
        if len(calls) == 2:
            (folder.root / f"{TINY}.yaml").write_text("new\n")
        return folder.judge(tree)

    with pytest.raises(UsageError, match="was changed while"):
        fix(folder.root, judge)
    assert (folder.root / f"{TINY}.yaml").read_text() == "new\n"
    assert b"locla" in folder.files()[SMALL]


@pytest.mark.parametrize("made", ["link", "pipe", "folder"])
def test_what_is_no_regular_file_is_left_alone(folder: Folder, tmp_path: Path, made: str) -> None:
    path = folder.root / SMALL
    text = path.read_text()
    path.unlink()
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(text)
    if made == "link":
        path.symlink_to(elsewhere)
    elif made == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    fix(folder.root, folder.judge)
    assert elsewhere.read_text() == text
    assert not path.is_file() or path.is_symlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(folder: Folder) -> None:
    (folder.root / "registry/groups").chmod(0o500)
    try:
        with pytest.raises(UsageError, match="cannot be written"):
            fix(folder.root, folder.judge)
    finally:
        (folder.root / "registry/groups").chmod(0o700)
    assert not [path for path in folder.root.rglob(".*") if path.is_file()]


def test_a_failed_write_leaves_the_old_file_and_no_other(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = folder.files()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fchmod", full)
    with pytest.raises(UsageError, match="No space left"):
        fix(folder.root, folder.judge)
    assert folder.files() == before
