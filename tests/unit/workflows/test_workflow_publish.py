"""What deploy.yml asks skopeo for: each image of a lock, by its digest, under a name in lower case.

Skopeo itself and the container registry are not there; a script takes down what it is called with.
"""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from workflow_files import read

ROOT = Path(__file__).resolve().parents[3]
SKOPEO = """#!/bin/bash
printf '%s\\n' "$*" >> "$CALLS"
if [ "$1" = login ]; then cat >> "$CALLS.password"; fi
if [ "$1" = copy ]; then exit "$COPY"; fi
"""
LOCKS = {
    path.parent.name: yaml.safe_load(path.read_text())["image"]
    for path in sorted(ROOT.glob("iae/*/iae.lock"))
}


def push(folder, copy=0):
    """Run the step that pushes with a stand-in for skopeo; return its exit code."""
    (flow,) = read({"deploy.yml": (ROOT / ".github/workflows/deploy.yml").read_text()})
    steps = [step for job in flow.jobs for step in job.steps]
    (text,) = [step["run"] for step in steps if step.get("name") == "Push by digest"]
    (folder / "skopeo").write_text(SKOPEO)
    (folder / "skopeo").chmod(0o755)
    (folder / "iae").symlink_to(ROOT / "iae")
    env = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CALLS": str(folder / "calls"),
        "COPY": str(copy), "IMAGES": "registry.example/Acme/Platform", "GITHUB_TOKEN": "word",
        "GITHUB_ACTOR": "ada", "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }  # fmt: skip
    done = subprocess.run(["bash", "-e", "-c", text], cwd=folder, env=env, check=False, timeout=30)
    return done.returncode


def test_every_locked_image_is_pushed_by_its_digest(tmp_path):
    assert LOCKS
    assert push(tmp_path) == 0
    login, *copies = (tmp_path / "calls").read_text().splitlines()
    assert login == "login --username ada --password-stdin registry.example"
    assert (tmp_path / "calls.password").read_text() == "word"
    place = "registry.example/acme/platform"
    assert copies == [
        f"copy --preserve-digests oci:images/{name} docker://{place}/{name}@sha256:{digest}"
        for name, digest in LOCKS.items()
    ]
    published = (tmp_path / "published.txt").read_text().splitlines()
    assert published == [f"{digest}  {place}/{name}" for name, digest in LOCKS.items()]
    assert all(digest in (tmp_path / "summary").read_text() for digest in LOCKS.values())


@pytest.mark.parametrize("code", [1, 2])
def test_an_image_that_is_refused_is_not_listed_as_published(tmp_path, code):
    assert push(tmp_path, copy=code) == code
    assert not (tmp_path / "published.txt").exists()
