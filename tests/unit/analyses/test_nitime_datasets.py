"""The real recordings: how they are converted, from a wheel that is made here; no network."""

import csv
import hashlib
import importlib.util
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from analyses_support import ROOT
from kalman_smoother.recording import read

_SPEC = importlib.util.spec_from_file_location(
    "nitime_datasets", ROOT / "scripts/nitime_datasets.py"
)
script = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(script)

FMRI = [[f"{10 * r + c}.5" for c in range(31)] for r in range(4)]
NAMES = ["WM", "Vent", "Brain", *(f"L{n}" for n in range(14)), *(f"R{n}" for n in range(14))]
PRESSURE = 0.02 * (1 + 0.5 * np.sin(np.arange(40_100) / 50))
SPIKES = [150.0, 950.0, 1000.0, 1_999_999.0, 2_000_000.0]


def _files():
    lines = [",".join(f'"{name}"' for name in NAMES), *(",".join(row) for row in FMRI)]
    stimulus = "\n".join(f"{50 * i}  {value:.6f}" for i, value in enumerate(PRESSURE))
    return {
        "fmri_timeseries.csv": "\n".join(lines) + "\n",
        "event_related_fmri.csv": "bold,events\n-0.25,0.0\n0.5,3.0\n",
        "grasshopper_stimulus1.txt": "\n\n" + stimulus,
        "grasshopper_spike_times1.txt": "# header: 1\n" + "\n".join(map(str, SPIKES)) + "\n",
    }


def _wheel(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"nitime/data/{name}", text)
    return path


@pytest.fixture
def made(tmp_path):
    for name, text in script.datasets(_wheel(tmp_path / "w.whl", _files())).items():
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


@pytest.mark.parametrize(("side", "first"), [("left", 3), ("right", 17)])
def test_hemispheres(made, side, first):
    found = read(made / f"resting-state-{side}.csv")
    assert found.channels == tuple(NAMES[first : first + 14])
    assert found.sampling_rate == pytest.approx(1 / 1.89, rel=1e-8)
    assert found.units == "BOLD (a.u.)"
    np.testing.assert_array_equal(found.y, np.array(FMRI, dtype=float)[:, first : first + 14])


def test_numbers_are_copied_as_written(made):
    rows = list(csv.reader((made / "resting-state-left.csv").open()))
    assert rows[3] == FMRI[0][3:17]


def test_event_related(made):
    found = read(made / "event-related-fmri.csv")
    assert (found.channels, found.sampling_rate) == (("MT",), 0.5)
    assert found.y.tolist() == [[-0.25], [0.5]]


def test_grasshopper(made):
    found = read(made / "grasshopper-receptor.csv")
    assert found.channels == ("sound level [dB]", "spikes [per ms]")
    assert found.sampling_rate == 1000
    power = (PRESSURE[:40_000] ** 2).reshape(2000, 20).mean(axis=1)
    np.testing.assert_allclose(found.y[:, 0], 10 * np.log10(power / (2e-5) ** 2), atol=1e-3)
    # The bin of a spike is the millisecond in which it was; those after two seconds are left out.
    assert np.flatnonzero(found.y[:, 1]).tolist() == [0, 1, 1999]
    assert found.y[0, 1] == 2


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("fmri_timeseries.csv", None, "does not hold the recordings"),
        ("fmri_timeseries.csv", "a,b\n1,2\n", "2 columns of fMRI, expected 31"),
        ("grasshopper_stimulus1.txt", "0 0.1\n", "1 stimulus samples, expected 40000"),
        ("grasshopper_spike_times1.txt", "soon\n", "could not convert"),
    ],
)
def test_another_wheel_is_refused(tmp_path, name, text, reason):
    files = _files()
    files[name] = text
    files = {key: value for key, value in files.items() if value is not None}
    with pytest.raises(script._Failure, match=reason):
        script.datasets(_wheel(tmp_path / "w.whl", files))


def test_a_kept_wheel_is_checked_and_used_without_pip(tmp_path, monkeypatch, capsys):
    wheel = _wheel(tmp_path / "w.whl", _files())
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(script, "_WHEEL_SHA256", digest)
    # Any use of pip would fail here: no such interpreter.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    cache = tmp_path / "cache"
    cache.mkdir()
    wheel.rename(cache / f"nitime-{digest}.whl")
    assert script.main([str(tmp_path / "out"), "--cache", str(cache)]) == 0
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 4
    for sha256, size, path in lines:
        data = Path(path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        assert len(data) == int(size)

    (cache / f"nitime-{digest}.whl").write_bytes(b"tampered")
    assert script.main([str(tmp_path / "out"), "--cache", str(cache)]) == 1
    assert capsys.readouterr().err.startswith("error: ")
