"""What a run leaves: the same bytes every time, arrays that fit together, a figure that can be read."""

import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from analyses_support import ROOT

OUTPUTS = {"smoothed.npz", "parameters.npz", "log_likelihood.csv", "metrics.json", "figure.png"}
RUN = (
    "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
    "from kalman_smoother.app import main\n"
    "sys.exit(main(Path(sys.argv[2]), Path(sys.argv[3])))"
)


def _wave(samples=120, channels=3):
    rng = np.random.default_rng(4)
    time = np.arange(samples)[:, None]
    y = np.sin(0.3 * time + np.arange(channels)) + 0.3 * rng.normal(size=(samples, channels))
    y[5, 0] = np.nan
    return y


def test_arrays_fit_together(case, capsys):
    y = _wave()
    code, outputs = case("r.npz", {"y": y}, latent_dimension=2, em_iterations=6)
    assert code == 0
    assert {path.name for path in outputs.iterdir()} == OUTPUTS
    states, system = np.load(outputs / "smoothed.npz"), np.load(outputs / "parameters.npz")
    assert states["smoothed_mean"].shape == states["filtered_mean"].shape == (120, 2)
    assert states["smoothed_covariance"].shape == states["filtered_covariance"].shape == (120, 2, 2)
    np.testing.assert_array_equal(states["observations"], y)
    signal = states["smoothed_mean"] @ system["C"].T + system["d"]
    np.testing.assert_allclose(states["signal_mean"], signal)
    variance = np.einsum("ni,tij,nj->tn", system["C"], states["smoothed_covariance"], system["C"])
    np.testing.assert_allclose(states["signal_sd"] ** 2, variance)
    # The last filtered state has seen everything, as the last smoothed one has.
    np.testing.assert_allclose(states["filtered_mean"][-1], states["smoothed_mean"][-1])
    assert states["held_out"].sum() == 12

    metrics = json.loads((outputs / "metrics.json").read_text())
    values, lds, white = states["held_out_score"]
    assert metrics["held_out"]["values"] == values
    assert metrics["held_out"]["lds_nats_per_value"] == pytest.approx(lds / values, rel=1e-5)
    assert metrics["held_out"]["gain_nats_per_value"] == pytest.approx(
        (lds - white) / values, rel=1e-4
    )
    trace = np.loadtxt(outputs / "log_likelihood.csv", delimiter=",", skiprows=1)
    assert trace.shape == (7, 3)
    assert np.diff(trace[:, 1]).min() > 0
    lines = capsys.readouterr().out.splitlines()
    fractions = [float(re.fullmatch(r"::progress (\d\.\d\d) .+", line)[1]) for line in lines]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] == 1


def test_same_bytes_in_every_process(case):
    code, first = case("r.npz", {"y": _wave()}, latent_dimension=2, em_iterations=6)
    assert code == 0
    second = first.parent / "again"
    second.mkdir()
    environment = {
        **os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    for folder in (first, second):
        subprocess.run(
            [sys.executable, "-c", RUN, ROOT / "iae/kalman-smoother/src",
             first.parent / "inputs", folder],
            env=environment, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        environment |= {"PYTHONHASHSEED": "8", "TZ": "UTC", "LC_ALL": "C"}
    for name in OUTPUTS:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.parametrize(
    ("samples", "channels", "parameters"),
    [
        (2, 1, {"latent_dimension": 1}),
        (40, 40, {"latent_dimension": 1}),
        (700, 2, {"latent_dimension": 3, "held_out_fraction": 0}),
        (60, 5, {"latent_dimension": 2, "em_iterations": 0, "sampling_rate": 1000}),
    ],
)
def test_figure_of_any_shape(case, samples, channels, parameters):
    asked = {"em_iterations": 3} | parameters
    code, outputs = case("r.npz", {"y": _wave(max(samples, 6), channels)[:samples]}, **asked)
    assert code == 0
    data = (outputs / "figure.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (1600, 1000)
    assert len(set(data)) > 200


def test_one_sample_with_given_parameters(case):
    eye = np.eye(1)
    given = {"A": 0.5 * eye, "C": eye, "Q": eye, "R": eye, "m0": np.zeros(1), "V0": eye}
    code, outputs = case(
        "r.npz", {"y": np.array([[2.0]]), **given}, initialisation="dataset", em_iterations=0
    )
    assert code == 0
    states = np.load(outputs / "smoothed.npz")
    # Prior N(0, 1) and noise N(0, 1): halfway.
    assert states["smoothed_mean"][0, 0] == pytest.approx(1.0)
    assert states["smoothed_covariance"][0, 0, 0] == pytest.approx(0.5)


def test_modes_are_those_of_the_recording(case):
    rng = np.random.default_rng(1)
    time = np.arange(600) / 50
    y = np.sin(2 * np.pi * 3 * time)[:, None] * [1.0, 0.5] + 0.2 * rng.normal(size=(600, 2))
    code, outputs = case(
        "r.npz", {"y": y, "sampling_rate": np.array(50.0)}, latent_dimension=2, em_iterations=20
    )
    assert code == 0
    (mode,) = json.loads((outputs / "metrics.json").read_text())["modes"]
    assert mode["frequency_hz"] == pytest.approx(3.0, abs=0.1)
    assert mode["decay_s"] > 1
