"""Analyses that score their samples, as they are used: the locked image, the sandbox, the bars."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[3]
NAMES = sorted(path.parents[1].name for path in ROOT.glob("iae/*/sample/score.py"))
# The first is trained and judged by a unit test as well; the second compiles for minutes on each run.
_LONG = {"epi", "spikeinterface-lupin"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.long if n in _LONG else ()) for n in NAMES]
)
def test_sources_give_the_locked_image_and_its_sample_meets_the_bars_twice(
    neurocaas, name, tmp_path
):
    # Exit code 11 when iae.lock is not what the sources give.
    neurocaas("build", name)
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        neurocaas("try", name, "--output", folder)
    files = {path.name for path in one.iterdir()}
    assert {"metrics.json", "figure.png"} < files == {path.name for path in two.iterdir()}
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)
    scored = subprocess.run(
        [sys.executable, ROOT / "iae" / name / "sample/score.py", one],
        check=False,
        capture_output=True,
        text=True,
    )
    assert scored.returncode == 0, scored.stderr


def test_refusal_reaches_the_user(neurocaas, tmp_path):
    lines = (ROOT / "iae/dlc-tracking/sample/dataset/open-field.csv").read_text().splitlines()
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join([*lines[:50], *lines[51:]]) + "\n")
    done = neurocaas("try", "dlc-tracking", "--dataset", bad, "--output", tmp_path, check=False)
    assert done.returncode == 12
    assert "bad.csv: line 51: frame 48 follows frame 46" in done.stderr


@pytest.mark.parametrize("name", ["deeplabcut"])
@pytest.mark.parametrize(
    ("suffix", "sentence"),
    [(".avi", "the video openfield.avi"), (".png", "cannot be decoded; is it damaged?")],
)
def test_what_only_a_decoder_notices_is_refused_before_the_training(
    neurocaas, name, suffix, sentence, tmp_path
):
    bad = tmp_path / "bad.zip"
    sample = ROOT / "iae" / name / "sample/dataset/mouse.zip"
    with zipfile.ZipFile(sample) as source, zipfile.ZipFile(bad, "w") as target:
        hit = next(one for one in source.namelist() if one.endswith(suffix))
        for one in source.namelist():
            data = source.read(one)
            target.writestr(one, data[:400] if one == hit else data)
    done = neurocaas("try", name, "--dataset", bad, "--output", tmp_path / "out", check=False)
    assert done.returncode == 12
    # In the log, and as the reason of the failure.
    lines = [one for one in done.stderr.splitlines() if "error: bad.zip: " in one]
    assert lines
    assert all(sentence in line for line in lines)
    assert "epoch" not in done.stderr + done.stdout
