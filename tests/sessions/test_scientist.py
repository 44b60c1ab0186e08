"""The scientist's guide, played; what was fetched is computed again here, by other means."""

import itertools
import json

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(400)]


def test_scientist_gets_the_right_numbers_and_the_record_of_a_failure(sessions):
    assert sessions.play("scientist")
    times = [float(line) for line in (sessions.folder / "regular.txt").read_text().split()]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
    for folder in ("results", "results-02"):
        result = json.loads((sessions.folder / folder / "001-measure/intervals.json").read_text())
        assert result["spikes"] == len(times)
        assert result["rate_hz"] == pytest.approx(1 / mean, rel=1e-8)
        assert result["cv"] == pytest.approx(variance**0.5 / mean, rel=1e-8)
        assert result["refractory_violations"] == sum(gap < 0.003 for gap in gaps)
    first = json.loads((sessions.folder / "results/job-record.json").read_text())
    assert first["status"] == "failed"
    again = json.loads((sessions.folder / "results-02/job-record.json").read_text())
    assert again["status"] == "succeeded"
    assert not (sessions.folder / "results/003-measure").exists()
