"""The operator's guide, played."""

import subprocess

import pytest

pytestmark = pytest.mark.sandbox


def _git(repository, *arguments):
    done = subprocess.run(
        ["git", "-C", repository, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def test_operator_founds_a_registry_that_validates(sessions):
    played = sessions.play("operator")
    assert sum(step.command == "neurocaas validate" for step in played) == 2
    origin = sessions.folder / "origin.git"
    (founded,) = _git(origin, "rev-list", "--max-parents=0", "main")
    files = _git(origin, "ls-tree", "-r", "--name-only", founded)
    assert files == [
        "registry/groups/example-lab.yaml",
        "registry/hardware/laptop.yaml",
        "registry/users/ada.yaml",
        "registry/users/grace.yaml",
    ]
