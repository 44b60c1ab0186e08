"""Repositories for the tests of the local forge."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# The repository of the contract suite serves here too.
sys.path.insert(0, str(Path(__file__).parents[2] / "contract"))

from forge_repository import Repository


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("template")).make()


@pytest.fixture
def repository(template, tmp_path):
    return template.copy(tmp_path)
