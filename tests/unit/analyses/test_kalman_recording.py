"""What the smoother takes: .npz with names and rate, .csv with or without header and comments."""

import json

import numpy as np
import pytest
from kalman_smoother.recording import read


def _write(tmp_path, text):
    path = tmp_path / "r.csv"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_csv_with_everything(tmp_path):
    found = _write(
        tmp_path,
        '\ufeff# sampling_rate: 2.5\n# units: mV\n# made by somebody\nLHip,"RHip [nA]"\n'
        "1, 2\n\n,NaN\n-3e2,4\n",
    )
    assert found.channels == ("LHip", "RHip [nA]")
    assert found.sampling_rate == 2.5
    assert found.units == "mV"
    np.testing.assert_array_equal(found.y, [[1, 2], [np.nan, np.nan], [-300, 4]])


def test_csv_of_bare_numbers(tmp_path):
    found = _write(tmp_path, "1,2\r\n3,4")
    assert found.channels == ("channel 1", "channel 2")
    assert found.sampling_rate is None
    np.testing.assert_array_equal(found.y, [[1, 2], [3, 4]])


def test_csv_whose_first_sample_is_incomplete_has_no_header(tmp_path):
    np.testing.assert_array_equal(_write(tmp_path, ",2\n3,4\n").y, [[np.nan, 2], [3, 4]])


def test_npz_of_integers_and_names(tmp_path):
    path = tmp_path / "r.npz"
    np.savez(
        path,
        y=np.arange(6, dtype=np.int16).reshape(3, 2),
        channels=np.array(["é", "b"]),
        sampling_rate=np.array([100]),
        units=np.array("µV"),
    )
    found = read(path)
    assert found.y.dtype == np.float64
    assert (found.channels, found.sampling_rate, found.units) == (("é", "b"), 100.0, "µV")


@pytest.mark.parametrize(("own", "expected"), [("# sampling_rate: 4\n", 4.0), ("", 10.0)])
def test_the_rate_of_the_dataset_wins(case, own, expected):
    rows = "\n".join(f"{np.sin(t / 3):.5f}" for t in range(30))
    code, outputs = case("r.csv", own + rows, sampling_rate=10, latent_dimension=1, em_iterations=2)
    assert code == 0
    assert json.loads((outputs / "metrics.json").read_text())["sampling_rate_hz"] == expected
    assert float(np.load(outputs / "smoothed.npz")["sampling_rate"]) == expected
