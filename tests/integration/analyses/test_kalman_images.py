"""The shipped analyses as they are used: locked images, the sandbox, real recordings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[3]
# The digests are pinned here too: a new wheel or a change of the conversion must be noticed.
REAL = {
    "resting-state-left.csv": "c20788ab5e4b4540036150d726ddffc9e8ad0d0cf66cbade333716b5702e4dd5",
    "resting-state-right.csv": "2d17aa250831c1a4b873ee5805ac401aa6f2ffaa819fe7cc07abcf280c4a9317",
    "event-related-fmri.csv": "7a0db70de42b49c357b7b549a0300dc5bd8e9f5b1e81acedf6eadec1889c0841",
    "grasshopper-receptor.csv": "39d4bee015451d6befec3dccb19edc7488f8711781b0e5ed628234f54b7b1b16",
}


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["kalman-smoother", "kalman-consensus", "pmd"])
def test_sources_give_the_locked_image_and_it_runs_its_sample(neurocaas, name, tmp_path):
    # Exit code 11 when iae.lock is not what the sources give.
    neurocaas("build", name)
    runs = [tmp_path / "one", tmp_path / "two"]
    for folder in runs:
        neurocaas("try", name, "--output", folder)
    one, two = map(_contents, runs)
    assert one == two
    assert {"metrics.json", "figure.png"} < one.keys()


def test_refusal_reaches_the_user(neurocaas, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n3,x\n")
    done = neurocaas("try", "kalman-smoother", "--dataset", bad, "--output", tmp_path, check=False)
    assert done.returncode == 12
    assert "bad.csv: line 3, channel 'b': 'x' is not a number" in done.stderr


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nitime")
    subprocess.run(
        [sys.executable, ROOT / "scripts/nitime_datasets.py", folder], check=True, timeout=300
    )
    return folder


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("resting-state-left.csv", 0.10),
        ("resting-state-right.csv", 0.10),
        ("event-related-fmri.csv", 1.5),
        ("grasshopper-receptor.csv", 0.8),
    ],
)
def test_real_recordings(neurocaas, recordings, name, gain, tmp_path):
    """The dynamical system predicts held-out samples of real activity better than white noise."""
    import hashlib

    data = (recordings / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == REAL[name]
    neurocaas(
        "try", "kalman-smoother", "--dataset", recordings / name, "--param", "latent_dimension=6",
        "--output", tmp_path,
    )  # fmt: skip
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["em"]["monotone"] is True
    assert metrics["held_out"]["gain_nats_per_value"] > gain
