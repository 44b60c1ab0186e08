"""A machine without rights builds what jobs run in; another one takes it over, and builds nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
import yaml

from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.needed import groups_of, open_jobs, removing_jobs

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(200)]
NOTHING = "executor=local\ngroups=[]\ngroup-names=\n"


def prepare(platform, folder, *arguments, code=0):
    return platform.run(
        "prepare", "--no-fetch", "--images", str(folder), *arguments, code=code, timeout=150
    )


@pytest.fixture
def elsewhere(platform):
    """Give the platform's commands another machine: neither state nor environments are there."""

    def move():
        folder = Path(tempfile.mkdtemp(prefix="elsewhere-", dir=platform.home.parent))
        folder.chmod(0o755)
        platform.env |= {"NEUROCAAS_HOME": str(folder), "NEUROCAAS_CACHE": str(folder / "cache")}

    return move


def test_what_was_prepared_is_taken_over_and_nothing_else(platform, elsewhere, tmp_path):
    platform.job("one", platform.put("a\n"))
    platform.job("two", platform.put("b\n"), blueprint="chain")
    lock = yaml.safe_load((platform.repo / "iae/probe/iae.lock").read_text())
    images = tmp_path / "images"
    done = prepare(platform, images, "--executor", "aws-batch")
    assert done.stdout == ('executor=aws-batch\ngroups=["example-lab"]\ngroup-names=example-lab\n')
    # Both are of one environment.
    assert {path.name for path in images.iterdir()} == {lock["image"], "list.txt"}
    assert (images / "list.txt").read_text() == f"{lock['image']}  probe\n"
    assert "not empty" in prepare(platform, images, code=2).stderr

    elsewhere()
    platform.put("a\n", "b\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    done = platform.reconcile("--no-certify", "--images", str(empty), code=16)
    assert "this image was not prepared" in done.stderr
    assert "capturing" not in done.stderr

    # What somebody has changed on the way is not what its name says.
    changed = tmp_path / "changed"
    shutil.copytree(images, changed)
    for path in (changed / lock["image"] / "blobs/sha256").iterdir():
        if path.name not in {lock["image"], lock["config"]}:
            with path.open("r+b") as layer:
                layer.seek(100)
                layer.write(b"other")
    done = platform.reconcile("--no-certify", "--images", str(changed), code=16)
    assert "is not what its name says" in done.stderr

    done = platform.reconcile("--no-certify", "--images", str(images))
    assert "capturing" not in done.stderr
    assert "2 jobs" in done.stderr or "succeeded" in done.stderr, done.stderr


def test_only_jobs_on_aws_need_it(platform, tmp_path):
    assert prepare(platform, tmp_path / "images").stdout == NOTHING
    assert not (tmp_path / "images").exists()
    path = platform.repo / f"registry/jobs/{platform.job('mine', platform.put('x'))}.yaml"
    path.write_text(path.read_text().replace("group: example-lab\n", ""))
    platform.write(
        "registry/policy.yaml",
        {"schema": "neurocaas/policy/v1", "maintainers": ["ada"], "executor": "aws-batch"},
    )
    platform.commit("Run on AWS")
    done = prepare(platform, tmp_path / "images")
    assert done.stdout == "executor=aws-batch\ngroups=[]\ngroup-names=\n"
    assert "mine names no group, so it has no place in the store" in done.stderr


def test_a_version_that_cannot_be_had_holds_up_only_its_own_jobs(platform, tmp_path):
    platform.job("good", platform.put("a\n"))
    platform.job("bad", platform.put("b\n"), blueprint="nowhere")
    done = prepare(platform, tmp_path / "images", "--executor", "aws-batch")
    assert "note: nowhere@1.0.0 has to wait" in done.stderr
    assert len((tmp_path / "images/list.txt").read_text().splitlines()) == 1


def test_who_wants_inputs_deleted_is_served_after_the_certificate(platform):
    """The certificate is on main, so nothing is open; the store still has to be asked."""
    platform.job("gone", platform.put("a\n"), keep_inputs=False)
    platform.job("kept", platform.put("b\n"))
    for name in ("gone", "kept"):
        platform.write(f"certificates/ada/2026-11/{name}.sigstore.json", "{}")
    platform.commit("Certify")
    with GitTree(platform.repo, "refs/heads/main") as head:
        assert open_jobs(head) == ()
        assert [job.name for job in removing_jobs(head, {"2026-11", "2026-12"})] == ["gone"]
        assert removing_jobs(head, {"2026-12"}) == ()
        assert groups_of(removing_jobs(head, {"2026-11"})) == ("example-lab",)
