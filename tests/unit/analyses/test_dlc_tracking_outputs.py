"""Files in and files out: DeepLabCut's table is read as it is, and what is written is consistent."""

import csv
import json

import dlc_tracking_support as support
import numpy as np
import pytest
from dlc_tracking import tracks


def _table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_read_as_it_was_written(tmp_path):
    rng = np.random.default_rng(3)
    xy, sure = rng.normal(size=(9, 4, 2)), rng.uniform(size=(9, 4))
    xy[2, 1] = np.nan
    path = tmp_path / "mouse.csv"
    path.write_text(support.table(xy, sure, first=100))
    found = tracks.read(path)
    assert found.parts == support.PARTS
    np.testing.assert_array_equal(found.xy, xy)
    np.testing.assert_array_equal(found.likelihood, sure)


def test_windows_line_ends_a_mark_and_empty_cells_are_read(tmp_path):
    text = support.table(np.ones((3, 4, 2))).replace("1.0,1.0,0.99", ",,", 1)
    path = tmp_path / "mouse.CSV"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    found = tracks.read(path)
    assert np.isnan(found.xy[0, 0]).all()
    assert np.isnan(found.likelihood[0, 0])
    assert (found.xy[1:] == 1.0).all()


STOPS = [(2.0, 4.5), (65.0, 68.0)]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    xy, sure = support.walk(25.0, STOPS, 75.0), np.full((1875, 4), 0.99)
    sure[250:300] = 0.1
    code, folder = support.run(tmp_path_factory.mktemp("run"), support.table(xy, sure))
    assert code == 0
    return folder


def test_what_is_written_is_what_the_blueprint_declares(outputs):
    assert {p.name for p in outputs.iterdir()} == {
        "bouts.csv", "frames.csv", "metrics.json", "figure.png",
    }  # fmt: skip


def test_bouts_are_in_seconds_and_frames(outputs):
    rows = _table(outputs / "bouts.csv")
    assert [int(row["bout"]) for row in rows] == [1, 2]
    for row, (onset, offset) in zip(rows, STOPS, strict=True):
        assert float(row["onset_s"]) == pytest.approx(onset, abs=0.2)
        assert float(row["offset_s"]) == pytest.approx(offset, abs=0.2)
        assert float(row["onset_s"]) == int(row["first_frame"]) / 25
        assert float(row["offset_s"]) == (int(row["last_frame"]) + 1) / 25
        duration = float(row["offset_s"]) - float(row["onset_s"])
        assert float(row["duration_s"]) == pytest.approx(duration, abs=1e-6)
        assert float(row["mean_speed_body_lengths_per_s"]) < 0.1


def test_frames_say_the_same_and_what_is_unknown(outputs):
    rows = _table(outputs / "frames.csv")
    assert [int(row["frame"]) for row in rows] == list(range(1875))
    assert float(rows[30]["time_s"]) == 30 / 25
    frozen = {k for k, row in enumerate(rows) if row["freezing"] == "1"}
    expected = set()
    for row in _table(outputs / "bouts.csv"):
        expected |= set(range(int(row["first_frame"]), int(row["last_frame"]) + 1))
    assert frozen == expected
    unknown = [k for k, row in enumerate(rows) if row["tracked"] == "0"]
    assert unknown == list(range(250, 300))
    assert {rows[k]["speed_body_lengths_per_s"] for k in unknown} == {""}
    # Running at two body lengths a second; the parts of a turning body differ a little.
    assert float(rows[600]["speed_body_lengths_per_s"]) == pytest.approx(2.0, rel=0.05)


def test_metrics_sum_it_up(outputs):
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert metrics["body_length"] == pytest.approx(support.LENGTH)
    assert metrics["tracked_fraction"] == pytest.approx(1825 / 1875)
    assert metrics["positions_below_likelihood"] == 200
    found = metrics["freezing"]
    rows = _table(outputs / "bouts.csv")
    assert found["bouts"] == len(rows)
    assert found["total_s"] == pytest.approx(sum(float(row["duration_s"]) for row in rows))
    assert found["latency_s"] == float(rows[0]["onset_s"])
    assert found["fraction_of_tracked"] == pytest.approx(found["total_s"] * 25 / 1825, rel=1e-4)
    first, second = (minute["freezing_fraction"] for minute in metrics["per_minute"])
    assert first < 0.06
    assert second == pytest.approx(3.0 / 15.0, abs=0.02)


def test_the_picture_is_a_picture(outputs):
    data = (outputs / "figure.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (1600, 1000)


def test_an_animal_that_never_freezes(tmp_path):
    code, folder = support.run(tmp_path, support.table(support.walk(25.0, [], 5.0)))
    assert code == 0
    assert _table(folder / "bouts.csv") == []
    found = json.loads((folder / "metrics.json").read_text())["freezing"]
    assert (found["bouts"], found["total_s"], found["latency_s"]) == (0, 0.0, None)
    assert (folder / "figure.png").stat().st_size > 10_000


def test_an_animal_that_never_moves(tmp_path):
    still = np.repeat(support.walk(25.0, [], 1.0)[:1], 125, axis=0)
    code, folder = support.run(tmp_path, support.table(still))
    assert code == 0
    found = json.loads((folder / "metrics.json").read_text())
    # The window needs four of seven frames; at the two ends it has them.
    assert found["freezing"]["fraction_of_tracked"] == 1.0
    assert found["median_speed_body_lengths_per_s"]["moving"] is None
