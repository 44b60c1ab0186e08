"""What deploy.yml asks skopeo for: each image of a lock, by its digest, under a name in lower case.

Skopeo itself and the container registry are not there; a script takes down what it is called with.
"""

import hashlib
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
if [ "$1" = inspect ]; then cat "$PUBLISHED/${3##*/}"; fi
"""
LOCKS = {
    path.parent.name: yaml.safe_load(path.read_text())["image"]
    for path in sorted(ROOT.glob("iae/*/iae.lock"))
}


def run(name, folder, **more):
    """Run a step of the workflow with a stand-in for skopeo; return its exit code."""
    (flow,) = read({"deploy.yml": (ROOT / ".github/workflows/deploy.yml").read_text()})
    steps = [step for job in flow.jobs for step in job.steps]
    (text,) = [step["run"] for step in steps if step.get("name") == name]
    (folder / "skopeo").write_text(SKOPEO)
    (folder / "skopeo").chmod(0o755)
    if not (folder / "iae").exists():
        (folder / "iae").symlink_to(ROOT / "iae")
    env = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CALLS": str(folder / "calls"),
        "IMAGES": "registry.example/Acme/Platform", "GITHUB_TOKEN": "word", "GITHUB_ACTOR": "ada",
        "GITHUB_STEP_SUMMARY": str(folder / "summary"), "GITHUB_OUTPUT": str(folder / "output"),
        "PUBLISHED": str(folder), "COPY": "0", **more,
    }  # fmt: skip
    done = subprocess.run(["bash", "-e", "-c", text], cwd=folder, env=env, check=False, timeout=30)
    return done.returncode


def push(folder, copy=0):
    return run("Push by digest", folder, COPY=str(copy), MISSING=" ".join(LOCKS))


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


def test_what_was_published_is_tagged_by_its_digest(tmp_path):
    push(tmp_path)
    (tmp_path / "calls").unlink()
    assert run("Tag", tmp_path) == 0
    place = "registry.example/acme/platform"
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"copy --preserve-digests docker://{place}/{name}@sha256:{digest} "
        f"docker://{place}/{name}:{digest}"
        for name, digest in LOCKS.items()
    ]


def test_only_what_is_not_there_under_its_tag_is_missing(tmp_path):
    there, other, *rest = (f"image-{number}" for number in range(4))
    for name in (there, other, *rest):
        digest = hashlib.sha256(name.encode()).hexdigest()
        (tmp_path / "iae" / name).mkdir(parents=True)
        (tmp_path / "iae" / name / "iae.lock").write_text(f'image: "{digest}"\n')
        if name in {there, other}:
            held = name if name == there else "other bytes"
            (tmp_path / f"{name}:{digest}").write_text(held)
    assert run("Look", tmp_path) == 0
    assert (tmp_path / "output").read_text() == f"missing={' '.join((other, *rest))}\n"
    for name in (other, *rest):
        digest = hashlib.sha256(name.encode()).hexdigest()
        (tmp_path / f"{name}:{digest}").write_text(name)
    assert run("Look", tmp_path) == 0
    assert (tmp_path / "output").read_text().endswith("\nmissing=\n")


@pytest.mark.parametrize("code", [1, 2])
def test_an_image_that_is_refused_is_not_listed_as_published(tmp_path, code):
    assert push(tmp_path, copy=code) == code
    assert not (tmp_path / "published.txt").exists()
