"""`neurocaas rebuild`: the environments of a change are built from nothing, their samples run twice."""

from __future__ import annotations

import json
import re

import pytest

from neurocaas_ci.report.rebuilds import read

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(240)]


def rebuild(platform, code, base="HEAD~1", head="HEAD"):
    """Rebuild; return what the report's reader makes of the file, and what was said."""
    output = platform.repo.parent / "rebuilds.json"
    output.unlink(missing_ok=True)
    done = platform.run(
        "rebuild", "--base", base, "--head", head, "--output", str(output), code=code, timeout=200
    )
    assert done.stdout == ""
    assert list(platform.repo.rglob("pwned")) == []
    return read(output.read_bytes()), done.stderr


def change(platform, *, lock=True, **sample):
    """Change the sources of the probe, and its sample's parameters."""
    workflow = platform.repo / "iae/probe/workflow.py"
    workflow.write_text(workflow.read_text() + "\n# changed\n")
    platform.write("iae/probe/sample/config.yaml", json.dumps({"parameters": sample}))
    if lock:
        platform.run("iae", "lock", "probe")
    return platform.commit("Change the probe")


def test_where_no_environment_changed_nothing_is_done(platform):
    platform.job("one", [{"uri": "store:x.txt", "sha256": "1" * 64, "size": 1}])
    found, talk = rebuild(platform, 0)
    assert found == ()
    assert "no environment changed" in talk
    assert "rebuilding" not in talk
    printed = platform.run("rebuild", "--base", "HEAD~1", "--head", "HEAD").stdout
    assert read(printed.encode()) == ()


def test_what_is_locked_is_reproduced(platform):
    change(platform)
    # The sources are those of the commit, whatever lies in the working folder.
    platform.write("iae/probe/workflow.py", "raise SystemExit('not committed')\n")
    (one,), talk = rebuild(platform, 0)
    assert (one.name, one.verdict) == ("probe", "reproduced")
    assert one.detail.endswith("1 outputs twice")
    assert "rebuilding iae/probe" in talk
    assert platform.git("status", "--porcelain") == "M iae/probe/workflow.py"


def test_a_lock_of_other_sources(platform):
    change(platform, lock=False)
    (one,), talk = rebuild(platform, 11)
    assert (one.name, one.verdict) == ("probe", "failed")
    assert one.detail.startswith("the sources have recipe ")
    assert "not reproduced: probe" in talk
    assert "neurocaas iae lock" in talk


def test_a_lock_that_pins_another_image(platform):
    lock = platform.repo / "iae/probe/iae.lock"
    text = lock.read_text()
    pinned = re.search(r"image\W+([0-9a-f]{64})", text)
    lock.write_text(text.replace(pinned[1], "0" * 64))
    platform.commit("Pin another image")
    (one,), _ = rebuild(platform, 11)
    assert (one.name, one.verdict) == ("probe", "different")
    assert one.detail.startswith("image: locked 000")


def test_a_change_without_a_lock(platform):
    platform.git("rm", "-q", "iae/probe/iae.lock")
    platform.commit("Forget the lock")
    (one,), _ = rebuild(platform, 11)
    assert (one.verdict, one.detail) == ("failed", "there is no iae.lock to compare with")


def test_a_lock_that_is_nonsense(platform):
    platform.write("iae/probe/iae.lock", "\x1b[31m{")
    platform.commit("Break the lock")
    (one,), talk = rebuild(platform, 11)
    assert one.verdict == "failed"
    assert one.detail.isprintable()
    assert "\x1b" not in talk


def test_a_sample_that_is_another_one_the_second_time(platform):
    change(platform, mode="random")
    (one,), _ = rebuild(platform, 11)
    assert (one.verdict, one.detail) == (
        "different", "its sample gave other outputs the second time",
    )  # fmt: skip


def test_a_sample_that_fails(platform):
    change(platform, mode="exit3")
    (one,), _ = rebuild(platform, 11)
    assert one.verdict == "failed"
    assert one.detail.startswith("its sample failed: ")


def test_an_environment_that_is_gone_is_not_built(platform):
    platform.git("rm", "-rq", "iae/probe")
    platform.commit("Remove the probe")
    assert rebuild(platform, 0)[0] == ()


NAMES = (
    "$(touch pwned)", "-rf", "a;touch pwned", "`touch pwned`", "\x1b[31mred", "Ü", "a b",
    "::error::x", "x" * 200, "a\nb",
)  # fmt: skip


def test_names_that_no_environment_may_have(platform):
    """They are never built, and the good one beside them still is."""
    change(platform)
    for name in NAMES:
        platform.write(f"iae/{name}/iae.yaml", (platform.repo / "iae/probe/iae.yaml").read_text())
    platform.commit("Add odd ones")
    found, talk = rebuild(platform, 11, base="HEAD~2")
    assert [(one.name, one.verdict) for one in found] == [("probe", "reproduced")]
    assert talk.count("is no name of an environment") == len(NAMES)
    assert "\x1b" not in talk
    assert "\n::error::" not in talk


def test_a_revision_that_is_not_there(platform):
    done = platform.run("rebuild", "--base", "nowhere", "--head", "HEAD", code=2)
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written(platform):
    target = str(platform.repo / "no/such/folder.json")
    done = platform.run("rebuild", "--base", "HEAD", "--head", "HEAD", "--output", target, code=2)
    assert "Traceback" not in done.stderr
