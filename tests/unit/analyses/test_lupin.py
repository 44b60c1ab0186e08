"""What surrounds the sorter: reading, refusing, measuring units, writing, scoring, the blueprint.

The sorter itself runs in its own image (tests/integration/analyses/test_scored_images.py).
"""

import csv
import io
import json
import runpy
import shutil
from dataclasses import MISSING, fields

import lupin_support as support
import numpy as np
import pytest
from analyses_support import ROOT
from lupin_sorting import outputs, settings
from lupin_sorting import recording as recordings
from lupin_sorting.figure import draw
from lupin_sorting.refusal import Refusal
from lupin_sorting.seeds import seeded
from lupin_sorting.units import describe, standing_out

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

SCORING = runpy.run_path(str(support.SAMPLE / "score.py"))
DATA, TRUTH = support.recording()


@pytest.fixture
def written(tmp_path):
    """The files of a sorting that is right; with the recording, spikes and units."""
    np.savez(tmp_path / "probe.npz", **DATA)
    recording = recordings.read(tmp_path / "probe.npz")
    samples = np.concatenate(TRUTH)
    labels = np.repeat([0, 1], [len(spikes) for spikes in TRUTH])
    order = np.argsort(samples, kind="stable")
    samples, labels = samples[order], labels[order]
    units = describe(recording, samples, labels, 2, (150.0, 4000.0))
    folder = tmp_path / "outputs"
    folder.mkdir()
    metrics = outputs.write(folder, recording, samples, labels, units)
    draw(folder / "figure.png", recording, samples, labels, units, metrics)
    return folder, recording, units


def test_units_are_measured(written):
    _, _, units = written
    assert units.channel.tolist() == [1, 4]
    assert units.noise == pytest.approx(4.4, rel=0.15)  # what the band leaves of 5
    assert units.amplitude[0] == pytest.approx(2 * units.amplitude[1], rel=0.1)
    assert 45 < units.amplitude[0] < 85
    np.testing.assert_allclose(units.snr, units.amplitude / units.noise[units.channel])
    assert units.waveforms[0, units.before, 1] == units.waveforms[0].min()
    assert np.linalg.norm(units.place[0] - support.PLACES[1]) < 8
    assert units.spikes.tolist() == [len(spikes) for spikes in TRUTH]
    assert not units.violations.any()
    twice = np.sort(np.concatenate([TRUTH[0], TRUTH[0] + 3]))
    recording = written[1]
    again = describe(recording, twice, np.zeros_like(twice), 1, (150.0, 4000.0))
    assert again.violations[0] == pytest.approx(0.5, abs=0.02)


def test_files_say_what_was_found(written):
    folder, _, _ = written
    with np.load(folder / "spikes.npz") as file:
        found = {key: file[key] for key in file.files}
    # What spikeinterface's reader of such files asks for.
    assert found["num_segment"].tolist() == [1]
    assert found["unit_ids"].tolist() == [0, 1]
    assert found["sampling_frequency"].tolist() == [support.RATE]
    np.testing.assert_array_equal(
        found["spike_indexes_seg0"][found["spike_labels_seg0"] == 1], TRUTH[1]
    )
    rows = list(csv.DictReader((folder / "units.csv").open()))
    assert [int(row["spikes"]) for row in rows] == [len(spikes) for spikes in TRUTH]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["units"], metrics["spikes"]) == (2, sum(map(len, TRUTH)))
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_no_unit_at_all_is_written_and_drawn(tmp_path, written):
    _, recording, _ = written
    none = np.zeros(0, dtype=np.int64)
    units = describe(recording, none, none, 0, (150.0, 4000.0))
    metrics = outputs.write(tmp_path, recording, none, none, units)
    draw(tmp_path / "figure.png", recording, none, none, units, metrics)
    assert metrics["units"] == 0
    assert (tmp_path / "units.csv").read_text().count("\n") == 1


def test_noise_stands_out_rarely_and_spikes_do(tmp_path, written):
    _, recording, _ = written
    band, spikes = (150.0, 4000.0), sum(map(len, TRUTH))
    assert 1.5 * spikes < standing_out(recording, band, 5.0) < 5 * spikes  # on one or two channels
    assert standing_out(recording, band, 50.0) == 0
    noise = np.random.default_rng(3).normal(size=TRACES.shape)
    np.savez(tmp_path / "noise.npz", **{**DATA, "traces": np.rint(20 * noise).astype(np.int16)})
    silent = recordings.read(tmp_path / "noise.npz")
    assert standing_out(silent, band, 5.0) < 5
    assert standing_out(silent, band, 2.0) > 1000


def test_what_is_drawn_without_a_seed_is_the_same_every_time():
    before = np.random.default_rng
    with seeded(3):
        one = np.random.default_rng().integers(2**62)
        other = np.random.default_rng(seed=None).integers(2**62)
        given = np.random.default_rng(seed=7).integers(2**62)
    assert one == other == before(3).integers(2**62)
    assert given == before(7).integers(2**62)
    with seeded(4):
        assert np.random.default_rng().integers(2**62) != one
    with pytest.raises(ValueError, match="inside"), seeded(3):
        raise ValueError("inside")
    assert np.random.default_rng is before
    assert before().integers(2**62) != before().integers(2**62)


def test_scores_know_right_from_wrong():
    samples = np.concatenate(TRUTH)
    labels = np.repeat([0, 1], [len(spikes) for spikes in TRUTH])
    compare = SCORING["compare"]
    perfect = compare((samples, labels), (samples + 3, 1 - labels), 10_000.0)
    assert perfect["mean_accuracy"] == 1
    assert perfect["units_above_0.8"] == 2
    assert compare((samples, labels), (samples + 9, labels), 10_000.0)["mean_accuracy"] < 0.2
    merged = compare((samples, labels), (samples, 0 * labels), 10_000.0)
    assert merged["units_above_0.8"] == 0
    half = compare((samples, labels), (samples[::2], labels[::2]), 10_000.0)
    assert half["mean_accuracy"] == pytest.approx(0.5, abs=0.02)
    nothing = np.zeros(0, dtype=int)
    assert compare((samples, labels), (nothing, nothing), 10_000.0)["mean_accuracy"] == 0


def test_sample_is_small_and_made_by_its_generator(tmp_path):
    files = [p for p in support.SAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 5_000_000
    assert recordings.read(support.SAMPLE / "dataset/probe.npz").seconds == 12
    pytest.importorskip("spikeinterface")
    shutil.copy(support.SAMPLE / "generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    for name in ("dataset/probe.npz", "truth.npz"):
        one, other = (np.load(folder / name) for folder in (tmp_path, support.SAMPLE))
        for key in one.files:
            np.testing.assert_array_equal(one[key], other[key])


@pytest.fixture(scope="module")
def blueprint():
    loaded = Registry(FolderTree(ROOT)).blueprint("spikeinterface-lupin")
    assert loaded.findings == ()
    return loaded.value


def _read(tmp_path, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_defaults_and_bounds_are_those_of_the_workflow(blueprint, tmp_path):
    own = {f.name: f.default for f in fields(settings.Settings) if f.default is not MISSING}
    rules = blueprint.parameters["properties"]
    assert {name: rule["default"] for name, rule in rules.items()} == own
    assert _read(tmp_path, **own) == settings.Settings("d")
    for name, rule in rules.items():
        if "enum" in rule:
            assert [_read(tmp_path, **{name: value}).peak_sign for value in rule["enum"]]
            continue
        step = 1 if rule["type"] == "integer" else 1e-3
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            wide = {"freq_min": 1, "freq_max": 50_000} | {name: rule[bound]}
            assert getattr(_read(tmp_path, **wide), name) == rule[bound]
            with pytest.raises(Refusal, match=name):
                _read(tmp_path, **(wide | {name: rule[bound] + sign * step}))


def test_outputs_and_parameters_are_documented(blueprint, written):
    page = (ROOT / "docs/analyses/spikeinterface-lupin.md").read_text()
    for name in blueprint.parameters["properties"]:
        assert f"`{name}`" in page
    assert {rule.path for rule in blueprint.outputs} == {p.name for p in written[0].iterdir()}
    for rule in blueprint.outputs:
        assert f"`{rule.path}`" in page


def _bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _with(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


TRACES = DATA["traces"]
FLOATS = TRACES.astype(np.float32)
REFUSED = [
    (b"", {}, "the file is empty"),
    (None, {}, "there is no such dataset"),
    (b"PK\x03\x04 cut", {}, "not a readable .npz file"),
    (_bytes(TRACES), {}, "it is a single array"),
    ({"traces": TRACES}, {}, "it has no array named sampling_frequency (it has traces)"),
    ({**DATA, "traces": TRACES[0]}, {}, "traces must be real numbers, samples x channels"),
    ({**DATA, "traces": TRACES * 1j}, {}, "not complex128 of shape"),
    ({**DATA, "traces": TRACES[:, :3]}, {}, "3 channels are too few; 4 are needed"),
    ({**DATA, "traces": TRACES[:9000]}, {}, "9000 samples are less than 5 s"),
    ({**DATA, "traces": TRACES.T}, {}, "the order is samples x channels"),
    ({**DATA, "traces": _with(FLOATS, (7, 2), np.nan)}, {}, "sample 7 of channel 2 is missing (NaN)"),
    ({**DATA, "traces": _with(FLOATS, (7, 2), np.inf)}, {}, "is infinite"),
    ({**DATA, "traces": FLOATS * 1e12}, {}, "check the units"),
    ({**DATA, "traces": _with(TRACES, (slice(None), 3), 5)}, {}, "channel 3 never changes"),
    ({**DATA, "sampling_frequency": np.array(10.0)}, {}, "must be from 5000 to 100000 Hz, not 10"),
    ({**DATA, "gain_uv": np.array([1.0, 2.0])}, {}, "gain_uv must be one number of microvolts"),
    ({**DATA, "locations_um": support.PLACES[:4]}, {}, "locations_um must be 6 places"),
    ({**DATA, "locations_um": 0 * support.PLACES}, {}, "two channels are at the same place"),
    ({**DATA, "locations_um": 1e9 * support.PLACES}, {}, "not on a probe; check the units"),
    (DATA, {"freq_max": 5000}, "freq_max (5000 Hz) must be below half the sampling frequency (5000 Hz)"),
    (DATA, {"freq_min": 1500, "freq_max": 900}, "freq_min (1500 Hz) must be below freq_max (900 Hz)"),
    (DATA, {"detect_threshold": 0}, "detect_threshold must be a number of noise levels from 2 to 50"),
    (DATA, {"peak_sign": "up"}, "peak_sign must be one of neg, both, not 'up'"),
    (DATA, {"seed": True}, "seed must be a whole number"),
    (DATA, {"sorter": "yass"}, "parameter 'sorter' does not exist; there are:"),
    (DATA, {"config": "[]"}, "config.yaml does not say schema: neurocaas/config/v1"),
    (DATA, {"name": "probe.dat"}, "the suffix must be .npz"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "sentence"), REFUSED)
def test_refusals(tmp_path, capsys, content, options, sentence):
    code, folder = support.run(tmp_path, content, **options)
    printed = capsys.readouterr()
    assert code == 65, printed
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_too_much_for_memory(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(recordings, "_MEMORY", 1_900_000)
    code, _ = support.run(tmp_path, DATA)
    assert code == 65
    assert "6 s of 6 channels do not fit into memory; give at most 5 s" in capsys.readouterr().err
