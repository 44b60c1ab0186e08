"""Every shipped analysis where there are no namespaces, as in a task of Fargate."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from shorter import PARAMETERS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from containers import container_command, require_container

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[3]
NAMES = sorted(path.parent.name for path in ROOT.glob("iae/*/sample"))
_SHORT = {"kalman-smoother"}


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in _SHORT else pytest.mark.long) for n in NAMES]
)
def test_a_chroot_gives_the_same_outputs(neurocaas, name, tmp_path):
    require_container()
    given = [
        option
        for key, value in PARAMETERS.get(name, {}).items()
        for option in ("--param", f"{key}={json.dumps(value)}")
    ]
    runs = {"sandbox": [], "chroot": container_command()}
    for isolation, before in runs.items():
        options = ("--isolation", isolation, "--output", tmp_path / isolation, *given)
        neurocaas("try", name, *options, before=before)
    one, two = (_contents(tmp_path / isolation) for isolation in runs)
    assert one == two
    assert one
