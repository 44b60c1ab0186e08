"""A registry for each test, and the path to its tools."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit/certify"))
from site_world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)
