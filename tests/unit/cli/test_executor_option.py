"""Settings of a cluster are read strictly, and no secret reaches a node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from neurocaas_ci.cli import executor_option as module
from neurocaas_ci.cli.executor_option import executor_maker
from neurocaas_ci.errors import UsageError
from neurocaas_ci.executors.local import LocalExecutor
from neurocaas_ci.executors.slurm_script import SlurmOptions
from neurocaas_ci.registry.git import GitTree
from neurocaas_ci.run.home import Home

GPU = """\
schema: neurocaas/hardware/v1
id: g5.xlarge
provider: aws
vcpus: 4
memory: 16GiB
gpus: 1
price_usd_per_hour: {standard: 1.0}
source: a test
date: 2026-11-01
"""


@pytest.fixture
def head(tmp_path):
    repo = tmp_path / "repo"
    (repo / "registry/hardware").mkdir(parents=True)
    (repo / "registry/hardware/g5.xlarge.yaml").write_text(GPU)
    git = ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    with GitTree(repo, "refs/heads/main") as tree:
        yield tree


@pytest.fixture
def options(head, tmp_path, monkeypatch):
    """Return the options that an executor for Slurm is made with, for given variables."""
    seen: list[SlurmOptions] = []

    def make(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        maker = executor_maker("slurm", Home(tmp_path / "home"), head, cpus=1, isolation="sandbox")
        seen.append(maker(None)._options)
        return seen[-1]

    return make


def test_partitions_and_arguments(options):
    found = options(
        NEUROCAAS_SLURM_PARTITIONS="standard=cpu, save=preempt",
        NEUROCAAS_SLURM_ARGUMENTS="--account='my lab' --qos=normal",
    )
    assert found.partitions == {"standard": "cpu", "save": "preempt"}
    assert found.extra == ("--account=my lab", "--qos=normal")


@pytest.mark.parametrize("text", ["cpu", "standard=", "fast=cpu", "standard=cpu,save"])
def test_partitions_that_are_none(options, text):
    with pytest.raises(UsageError, match="names no partition"):
        options(NEUROCAAS_SLURM_PARTITIONS=text)


def test_arguments_that_are_none(options):
    with pytest.raises(UsageError, match="not arguments of sbatch"):
        options(NEUROCAAS_SLURM_ARGUMENTS="--comment='open")


def test_gpus_are_those_of_the_hardware(options):
    assert options().gpus == {"g5.xlarge": 1}


def test_a_token_stays_here_and_the_folders_are_handed_on(options, tmp_path):
    found = options(GITHUB_TOKEN="secret", AWS_SECRET_ACCESS_KEY="secret").environment
    assert "secret" not in found.values()
    assert found["NEUROCAAS_HOME"] == str(tmp_path / "home")
    assert str(Path(module.__file__).parents[2]) in found["PYTHONPATH"]


def test_elsewhere_runs_are_executed_here(head, tmp_path):
    home = Home(tmp_path / "home")
    make = executor_maker("local", home, head, cpus=1, isolation="sandbox")
    assert isinstance(make(None), LocalExecutor)
