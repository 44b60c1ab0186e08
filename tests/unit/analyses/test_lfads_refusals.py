"""Whatever is wrong with an input, lfads says it in one sentence and exits with 65."""

import zipfile

import lfads_support as support
import numpy as np
import pytest

SPIKES = np.ones((24, 10, 4), np.uint8)
GOOD = {"spikes": SPIKES, "bin_width_s": 0.02}


def _with(value):
    spikes = SPIKES.astype(np.float64)
    spikes[3, 2, 1] = value
    return {**GOOD, "spikes": spikes}


def _silent():
    spikes = SPIKES.copy()
    # Its only spikes are in a trial that is held out.
    spikes[:, :, 2] = 0
    spikes[5, :, 2] = 1
    return {**GOOD, "spikes": spikes}


FILES = [
    (b"", "the file is empty"),
    (None, "there is no such dataset"),
    (b"PK\x03\x04 and no more", "not readable as .npz"),
    (b"not a zip at all", "not readable as .npz"),
    ({"bin_width_s": 0.02}, "there is no array named spikes"),
    ({"spikes": SPIKES}, "there is no array named bin_width_s"),
    ({**GOOD, "spikes": np.array([{}], dtype=object)}, "not readable as .npz"),
    ({**GOOD, "spikes": SPIKES[0]}, "(trials, bins, neurons), not (10, 4)"),
    ({**GOOD, "spikes": SPIKES[:, :0]}, "are none, or too many"),
    ({**GOOD, "spikes": SPIKES[:, :4]}, "trials of 4 bins are too short, 5 at least"),
    ({**GOOD, "spikes": SPIKES.astype(str)}, "spikes must be numbers"),
    (_with(np.nan), "spikes[3, 2, 1] is not a finite number"),
    (_with(np.inf), "spikes[3, 2, 1] is not a finite number"),
    (_with(-1), "spikes[3, 2, 1] is -1; spikes are counted"),
    (_with(0.5), "spikes[3, 2, 1] is 0.5; spikes are counted"),
    (_with(1e6), "whole numbers from 0 to 1000"),
    ({**GOOD, "spikes": SPIKES[:11]}, "11 trials are too few to hold out every 6th"),
    (_silent(), "neuron 2 has no spike in the trials to be fitted"),
    ({**GOOD, "bin_width_s": np.array([0.02, 0.02])}, "bin_width_s must be one number"),
    ({**GOOD, "bin_width_s": "fast"}, "bin_width_s must be one number"),
    ({**GOOD, "bin_width_s": 20.0}, "not 20; is it in milliseconds?"),
    ({**GOOD, "bin_width_s": np.nan}, "bin_width_s must be from 0.0001 to 1 second"),
]


@pytest.mark.parametrize(("content", "sentence"), FILES)
def test_a_file_is_refused_in_one_sentence(tmp_path, capsys, content, sentence):
    code, outputs = support.run(tmp_path, content)
    said = capsys.readouterr().err
    assert code == 65
    assert said.startswith("error: spikes.npz: ")
    assert sentence in said
    assert said.count("\n") == 1
    assert list(outputs.iterdir()) == []


def test_another_suffix_is_refused(tmp_path, capsys):
    assert support.run(tmp_path, b"1,2", name="spikes.csv")[0] == 65
    assert "the suffix must be .npz" in capsys.readouterr().err


def test_an_archive_that_would_fill_the_memory_is_refused_before_it_is_unpacked(tmp_path, capsys):
    inputs = tmp_path / "inputs/dataset"
    inputs.mkdir(parents=True)
    np.savez(inputs / "spikes.npz", **GOOD)
    with zipfile.ZipFile(inputs / "spikes.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(1_000))
        # What the directory of the archive says that it will be, as that of a real one would.
        archive.getinfo("more.npy").file_size = 1700_000_000
    assert support.run(tmp_path, None)[0] == 65
    assert "more than this analysis takes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 to 10000, not 0"),
        ({"factors": True}, "factors must be a whole number"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to 0.9, not 1.0"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"inferred_inputs": 1}, "parameter 'inferred_inputs' does not exist; there are: batch"),
    ],
)
def test_a_parameter_is_refused(tmp_path, capsys, parameters, sentence):
    assert support.run(tmp_path, GOOD, **parameters)[0] == 65
    assert sentence in capsys.readouterr().err


def test_a_configuration_that_is_none_is_refused(tmp_path, capsys):
    assert support.run(tmp_path, GOOD, config="{")[0] == 65
    assert "config.yaml cannot be read as JSON" in capsys.readouterr().err
