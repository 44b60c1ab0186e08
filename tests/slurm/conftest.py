"""A platform whose jobs run on a real Slurm; skipped where there is none."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path

import pytest
from cluster import Cluster, missing

_LOOP = Path(__file__).parents[1] / "integration/loop/conftest.py"


def _loop():
    spec = importlib.util.spec_from_file_location("loop_platform", _LOOP)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


loop = _loop()


@pytest.fixture(scope="session")
def _template():
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-slurm-platform-"))
    folder.chmod(0o755)
    loop.lay_out(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _platform(template, cluster):
    folder = Path(tempfile.mkdtemp(prefix="neurocaas-slurm-platform-"))
    folder.chmod(0o755)
    shutil.copytree(template / "registry", folder / "registry", symlinks=True)
    platform = loop.Platform(folder, cache=template / "home/cache")
    if cluster is not None:
        platform.env |= {
            "PATH": cluster.environment["PATH"],
            "SLURM_CONF": cluster.environment["SLURM_CONF"],
            "NEUROCAAS_EXECUTOR": "slurm",
        }
    return platform


@pytest.fixture(scope="session")
def cluster():
    """A cluster without accounting; tests that kill nodes bring them back."""
    if why := missing():
        pytest.skip(why)
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def accounting_cluster():
    """A cluster with slurmdbd and its database."""
    if why := missing(accounting=True):
        pytest.skip(why)
    with Cluster(accounting=True, nodes=2) as cluster:
        yield cluster


@pytest.fixture
def platform(_template, cluster):
    """A fresh platform whose jobs run on the cluster."""
    platform = _platform(_template, cluster)
    yield platform
    cluster.call("scancel", "-u", "root", check=False)
    shutil.rmtree(platform.repo.parent, ignore_errors=True)


@pytest.fixture
def make_platform(_template):
    """Make platforms for a cluster, or for this machine alone."""
    made = []

    def make(cluster=None):
        made.append(_platform(_template, cluster))
        return made[-1]

    yield make
    for platform in made:
        shutil.rmtree(platform.repo.parent, ignore_errors=True)
