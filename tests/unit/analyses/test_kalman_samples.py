"""The samples: small, made by their generators, and analysed to the accuracy they promise."""

import json
import runpy
import shutil

import numpy as np
import pytest
from analyses_support import ROOT
from kalman_consensus.app import main as consensus
from kalman_smoother.app import main as smoother
from kalman_smoother.evidence import observe
from kalman_smoother.inference import kalman_filter, smooth
from kalman_smoother.system import System

NAMES = ("kalman-smoother", "kalman-consensus")


def _sample(name):
    return ROOT / "iae" / name / "sample"


def _rms(error):
    return float(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize("name", NAMES)
def test_generator_makes_the_committed_files(name, tmp_path):
    shutil.copy(_sample(name) / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*.npz"))
    assert made == sorted(p.relative_to(_sample(name)) for p in _sample(name).rglob("*.npz"))
    for path in made:
        one, other = np.load(tmp_path / path), np.load(_sample(name) / path)
        assert one.files == other.files
        for key in one.files:
            np.testing.assert_array_equal(one[key], other[key], strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_small(name):
    assert sum(p.stat().st_size for p in _sample(name).rglob("*") if p.is_file()) < 200_000


def test_smoother_meets_its_bar(tmp_path):
    assert smoother(_sample("kalman-smoother"), tmp_path) == 0
    bar = json.loads((_sample("kalman-smoother") / "expected.json").read_text())
    truth = dict(np.load(_sample("kalman-smoother") / "truth.npz"))
    signal = truth.pop("signal")
    oracle = System(**truth)
    found = np.load(tmp_path / "smoothed.npz")
    y = found["observations"]

    best = smooth(kalman_filter(observe(y), oracle), oracle).mean @ oracle.C.T
    ratio = _rms(found["signal_mean"] - signal) / _rms(best - signal)
    assert ratio <= bar["smoothed_rmse_over_oracle"]["maximum"]
    assert _rms(found["signal_mean"] - signal) < 0.5 * _rms(np.nan_to_num(y - signal))

    rest = np.where(found["held_out"][:, None], np.nan, y)
    top = sum(
        s * kalman_filter(observe(d), oracle).log_likelihood.sum() for s, d in ((1, y), (-1, rest))
    )
    values, lds, white = found["held_out_score"]
    limit = bar["held_out_nats_per_value_below_oracle"]["maximum_relative"]
    assert lds > top - limit * abs(top)
    assert lds > white + 0.4 * values

    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["em"]["monotone"] is bar["em_monotone"]
    frequencies = sorted(mode["frequency_hz"] for mode in metrics["modes"])
    expected = bar["oscillation_frequencies_hz"]
    assert frequencies == pytest.approx(expected["values"], abs=expected["tolerance_hz"])


def test_consensus_meets_its_bar(tmp_path):
    assert consensus(_sample("kalman-consensus"), tmp_path) == 0
    bar = json.loads((_sample("kalman-consensus") / "expected.json").read_text())
    signal = np.load(_sample("kalman-consensus") / "truth.npz")["signal"]
    found = np.load(tmp_path / "consensus.npz")
    alone = min(_rms(mean - signal) for mean in found["replica_mean"])
    ratio = _rms(found["signal_mean"] - signal) / alone
    assert ratio <= bar["consensus_rmse_over_best_replica"]["maximum"]
    inside = np.mean(np.abs(found["signal_mean"] - signal) < 1.96 * found["signal_sd"])
    band = bar["truth_inside_95_percent_band"]
    assert band["minimum"] <= inside <= band["maximum"]
    gain = json.loads((tmp_path / "metrics.json").read_text())["gain_nats_per_value"]["mean"]
    assert gain >= bar["held_out_gain_nats_per_value"]["minimum"]
