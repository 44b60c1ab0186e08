"""The registry of this repository in a git repository of its own."""

from __future__ import annotations

import shutil

import pytest
from desk import ROOT, Desk


@pytest.fixture(scope="session")
def platform_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platform") / "registry"
    folder.mkdir()
    for name in ("registry", "iae", ".github/ISSUE_TEMPLATE"):
        shutil.copytree(ROOT / name, folder / name)
    desk = Desk(folder)
    desk.git("init", "-q", "-b", "main")
    desk.merge({"README.md": b"a platform\n"})
    return folder


@pytest.fixture
def desk(platform_template, tmp_path):
    shutil.copytree(platform_template, tmp_path / "registry")
    return Desk(tmp_path / "registry")
