"""The operator's guide, played."""

import subprocess

import pytest

pytestmark = pytest.mark.sandbox


def test_operator_founds_a_registry_that_validates(sessions):
    played = sessions.play("operator")
    assert sum(step.command == "neurocaas validate" for step in played) == 2
    files = subprocess.run(
        ["git", "-C", sessions.folder / "origin.git", "ls-tree", "-r", "--name-only", "main"],
        check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert files == [
        "registry/groups/example-lab.yaml",
        "registry/hardware/laptop.yaml",
        "registry/users/ada.yaml",
        "registry/users/grace.yaml",
    ]
