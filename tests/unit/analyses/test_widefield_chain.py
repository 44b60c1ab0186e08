"""The widefield chain as it is used: both halves, their refusals, and the blueprints around them."""

import json
import runpy
import shutil
from dataclasses import MISSING, fields

import numpy as np
import pytest
import widefield_support as support
from analyses_support import ROOT
from locanmf import recording as locanmf_recording
from locanmf import settings as locanmf_settings
from widefield import settings
from widefield.refusal import Refusal
from widefield_locanmf import settings as demix_settings

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

# One block, and no penalties to solve: the stages are tested by themselves.
_QUICK = {"smoothing": "none", "high_pass": 0.3, "block_size": 24, "max_rank": 3}


@pytest.fixture(scope="module")
def preprocessed(tmp_path_factory):
    code, outputs = support.run(
        tmp_path_factory.mktemp("first"), support.recording(), **_QUICK, localization_threshold=0.7,
    )  # fmt: skip
    assert code == 0
    return outputs


def test_first_half_takes_out_blood_and_says_so(preprocessed):
    metrics = json.loads((preprocessed / "metrics.json").read_text())
    assert metrics["violet_coefficient_median"] == pytest.approx(1.0, abs=0.15)
    assert 0.2 < metrics["hemodynamic_share_of_power"] < 0.99
    assert metrics["shift_rms_px"] < 0.05
    assert (preprocessed / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_the_wavelengths_say_which_channel_is_which(preprocessed, tmp_path):
    arrays = support.recording()
    turned = {**arrays, "movie": arrays["movie"][:, ::-1], "wavelengths": np.array([405, 470])}
    code, outputs = support.run(tmp_path, turned, **_QUICK)
    assert code == 0
    for name in ("corrected.npz", "motion.csv", "metrics.json"):
        assert (outputs / name).read_bytes() == (preprocessed / name).read_bytes()


def test_the_locanmf_blueprint_takes_the_first_half_as_its_dataset(preprocessed):
    data = locanmf_recording.read(preprocessed / "corrected.npz")
    assert data.labels == (1, 2, 3, 4)
    assert data.sampling_rate == 20.0


def test_second_half_reports_the_whole_chain(preprocessed, tmp_path):
    code, outputs = support.demix(tmp_path, preprocessed, maximum_rank=2, smoothing="none")
    assert code == 0
    metrics = json.loads((outputs / "metrics.json").read_text())
    assert metrics["parameters"]["maximum_rank"] == 2
    assert metrics["parameters"]["smoothing"] == "none"
    assert metrics["parameters"]["sweeps"] == 15
    assert metrics["preprocess"] == json.loads((preprocessed / "metrics.json").read_text())
    assert metrics["components"] >= 4


REFUSALS = {
    "order is frames x 2": {"movie": np.ones((96, 24, 24))},
    "too few": {"movie": np.ones((40, 2, 24, 24))},
    "too small": {"movie": np.ones((96, 2, 8, 24))},
    "must hold real numbers": {"movie": np.ones((96, 2, 24, 24), dtype=complex)},
    "nm": {"wavelengths": np.array([0.47, 0.405])},
    "calcium": {"wavelengths": np.array([470, 530])},
    "two numbers": {"wavelengths": np.array([470])},
    "the atlas has the shape": {"atlas": np.ones((10, 10), dtype=int)},
    "whole numbers": {"atlas": np.ones((24, 24))},
    "fewer than two": {"atlas": np.ones((24, 24), dtype=int)},
    "positive number of Hz": {"frame_rate": np.array(0.0)},
    "one text": {"units": np.array(3)},
    "4 names": {"regions": np.array(["left"])},
    "not positive": {"movie": np.random.default_rng(0).normal(size=(96, 2, 24, 24)) - 1},
    "never changes": {"movie": np.full((96, 2, 24, 24), 7)},
}


@pytest.mark.parametrize("says", REFUSALS)
def test_what_is_no_recording(tmp_path, capsys, says):
    code, outputs = support.run(tmp_path, support.recording(**REFUSALS[says]))
    sentence = capsys.readouterr().err
    assert code == 65
    assert sentence.startswith("error: brain.npz: ")
    assert says in sentence
    assert sentence.count("\n") == 1
    assert list(outputs.iterdir()) == []


def test_a_missing_pixel_is_named(tmp_path, capsys):
    movie = support.recording()["movie"].astype(float)
    movie[7, 1, 3, 5] = np.nan
    assert support.run(tmp_path, support.recording(movie=movie))[0] == 65
    assert "row 3, column 5 of frame 7, wavelength 2, is missing (NaN)" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["movie", "wavelengths", "frame_rate", "atlas"])
def test_a_missing_array_is_named(tmp_path, capsys, key):
    arrays = support.recording()
    del arrays[key]
    assert support.run(tmp_path, arrays)[0] == 65
    assert f"no array named {key}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"high_pass": 10.0}, "nothing above 10 Hz"),
        ({"high_pass": 0.1}, "less than one period"),
        ({"violet_low_pass": 0.2, "high_pass": 0.3}, "leaves nothing"),
        ({"block": 3}, "'block' does not exist"),
        ({"smoothing": "much"}, "one of both"),
    ],
)
def test_parameters_that_do_not_fit(tmp_path, capsys, parameters, says):
    assert support.run(tmp_path, support.recording(), **parameters)[0] == 65
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"PK nonsense"])
def test_what_is_no_file_of_arrays(tmp_path, capsys, content):
    assert support.run(tmp_path, content)[0] == 65
    assert capsys.readouterr().err.count("\n") == 1


def test_second_half_refuses_what_the_first_did_not_leave(preprocessed, tmp_path, capsys):
    half = tmp_path / "half"
    shutil.copytree(preprocessed, half)
    (half / "metrics.json").unlink()
    assert support.demix(tmp_path / "a", half)[0] == 65
    assert "metrics.json" in capsys.readouterr().err
    (half / "corrected.npz").unlink()
    assert support.demix(tmp_path / "b", half)[0] == 65
    assert support.demix(tmp_path / "c", preprocessed, maximum_rank=0)[0] == 65
    assert "maximum_rank must be a whole number" in capsys.readouterr().err


COPIES = [
    (path, ROOT / "iae" / package / "src" / package / path.name)
    for home, package in ((support.PREPROCESS, "pmd"), (support.DEMIX, "locanmf"))
    for path in sorted((home / "src" / package).glob("*.py"))
]


@pytest.mark.parametrize(("copy", "original"), COPIES, ids=lambda path: "/".join(path.parts[-4:]))
def test_what_was_copied_is_what_the_analysis_alone_runs(copy, original):
    """An image holds all its sources: a fix in one of the two belongs into the other."""
    assert copy.read_bytes() == original.read_bytes()


def test_there_are_copies():
    assert len(COPIES) == 20


def test_samples_agree():
    first, second = (np.load(p / "sample/truth.npz") for p in (support.PREPROCESS, support.DEMIX))
    for key in second.files:
        np.testing.assert_array_equal(second[key], first[key])
    size = sum(p.stat().st_size for p in (support.PREPROCESS / "sample").rglob("*") if p.is_file())
    assert size < 2_400_000


def test_generator_makes_the_committed_truth(tmp_path):
    made = runpy.run_path(str(support.PREPROCESS / "sample/generate.py"))
    data = np.load(support.PREPROCESS / "sample/dataset/cortex.npz")
    truth = np.load(support.PREPROCESS / "sample/truth.npz")
    np.testing.assert_array_equal(made["_atlas"](), data["atlas"])
    images, owners = made["_components"](np.random.default_rng(made["_SEED"]), made["_atlas"]())
    np.testing.assert_array_equal(owners, truth["regions"])
    inner = made["_CALCIUM"] * images[:, 6:-6, 6:-6]
    np.testing.assert_allclose(inner, truth["images"], atol=1e-6)


@pytest.mark.slow
def test_generator_makes_the_committed_movie(tmp_path):
    shutil.copy(support.PREPROCESS / "sample/generate.py", tmp_path)
    runpy.run_path(str(tmp_path / "generate.py"), run_name="__main__")
    one, other = (
        np.load(p / "dataset/cortex.npz") for p in (tmp_path, support.PREPROCESS / "sample")
    )
    assert one.files == other.files
    # Another processor may round an expected count to another draw.
    assert np.mean(one["movie"] != other["movie"]) < 0.001


@pytest.fixture(scope="module")
def registry():
    return Registry(FolderTree(ROOT))


def _blueprint(registry, name):
    loaded = registry.blueprint(name)
    assert loaded.findings == ()
    return loaded.value


def test_defaults_are_those_of_the_workflows(registry):
    own = {
        f.name: f.default
        for module in (settings, locanmf_settings)
        for f in fields(module.Settings)
        if f.default is not MISSING
    }
    for name in ("widefield", "widefield-sweep", "widefield-preprocess"):
        rules = _blueprint(registry, name).parameters["properties"]
        defaults = {key: rule["default"] for key, rule in rules.items() if key != "sweep"}
        wanted = {
            k: v for k, v in own.items() if "preprocess" not in name or k not in settings.LATER
        }
        assert defaults == wanted


def test_the_two_halves_know_each_others_parameters():
    first = {f.name for f in fields(settings.Settings)} - {"dataset"}
    second = {f.name for f in fields(locanmf_settings.Settings)} - {"dataset"}
    assert first == demix_settings.EARLIER
    assert second == settings.LATER


def test_the_sweep_is_the_chain_and_a_table(registry):
    chain, sweep = (_blueprint(registry, name) for name in ("widefield", "widefield-sweep"))
    assert sweep.steps[:-1] == chain.steps
    properties = dict(sweep.parameters["properties"])
    del properties["sweep"]
    assert properties == chain.parameters["properties"]


def _read(tmp_path, **parameters):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": parameters}
    (tmp_path / "config.yaml").write_text(json.dumps(document))
    return settings.read(tmp_path)


def test_bounds_are_those_of_the_workflow(registry, tmp_path):
    bounded = 0
    for name, rule in _blueprint(registry, "widefield-preprocess").parameters["properties"].items():
        for bound, sign in (("minimum", -1), ("maximum", 1)):
            if bound in rule:
                bounded += 1
                assert getattr(_read(tmp_path, **{name: rule[bound]}), name) == rule[bound]
                step = 1 if rule["type"] == "integer" else 1e-6 * max(abs(rule[bound]), 1)
                with pytest.raises(Refusal, match=name):
                    _read(tmp_path, **{name: rule[bound] + sign * step})
    assert bounded == 20


def test_steps_run_on_different_hardware(registry):
    steps = _blueprint(registry, "widefield").steps
    assert len({step.hardware for step in steps}) == 2
    assert all("laptop" in step.hardware_allowed for step in steps)
