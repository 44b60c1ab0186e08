"""Whatever is wrong with an input, dlc-tracking says it in one sentence and exits with 65."""

import dlc_tracking_support as support
import numpy as np
import pytest

WALK = support.walk(25.0, [(0.2, 1.6)], 2.0)
GOOD = support.table(WALK)
HEAD, BODY = GOOD.splitlines()[:3], GOOD.splitlines()[3:]


def _with(index, value, *, what=WALK):
    copy = what.copy()
    copy[index] = value
    return copy


def _head(line, text):
    return "\n".join([*HEAD[:line], text, *HEAD[line + 1 :], *BODY])


def _row(line, text):
    return "\n".join([*HEAD, *BODY[:line], text, *BODY[line + 1 :]])


SURE = np.full((50, 4), 0.99)
FILES = [
    (b"", "the file is empty"),
    (None, "there is no such dataset"),
    (b"scorer,a\xff\n", "line 1 is not UTF-8 text"),
    ("x,y\n1,2\n", "line 1 must begin with 'scorer', not 'x'"),
    ("scorer,a,a,a\n", "line 2 must begin with 'bodyparts', not ''"),
    (_head(1, "individuals,m1,m2"), "it tracks several animals; give a table of one of them"),
    (_head(2, BODY[0]), "line 3 must begin with 'coords', not '0'"),
    (_head(2, "coords,x,y"), "12 columns have a body part, but 2 a coordinate"),
    (_head(2, HEAD[2].replace("y,likelihood", "y,z", 1)), "'nose' lacks the column likelihood"),
    (_head(2, HEAD[2].replace("x,y", "y,x", 1)), "must be x, y, likelihood, in this order"),
    (_head(1, HEAD[1].replace("leftear", "nose")), "body part 'nose' has 6 columns, expected 3"),
    (_head(1, HEAD[1].replace("leftear", "")), "a body part has no name"),
    ("\n".join(HEAD), "it has a header but no frames"),
    (_row(7, "7,1,2"), "line 11 has 3 cells, expected 13"),
    (_row(7, BODY[6]), "line 11: frame 6 follows frame 6"),
    (_row(7, BODY[9]), "line 11: frame 9 follows frame 6; there must be one row for every frame"),
    (
        _row(0, BODY[0].replace("0,", "labeled-data/img000.png,", 1)),
        "not with the number of a frame",
    ),
    (
        _row(2, "2," + ",".join(["abc"] * 12)),
        "line 6, x of body part 'nose': 'abc' is not a number",
    ),
    (_row(2, "2," + ",".join(["1_0"] * 12)), "'1_0' is not a number"),
    (_row(2, '2,"1'), "is not comma-separated text"),
    (support.table(_with((5, 1, 0), np.inf)), "row 5 has an infinite position of 'leftear'"),
    (support.table(np.full_like(WALK, np.nan)), "every position is missing (NaN)"),
    (support.table(WALK, np.full((50, 4), np.nan)), "every likelihood is missing (NaN)"),
    (support.table(WALK * 1e5), "positions beyond 1e+06 are no pixels; check the units"),
    (support.table(WALK, 99 * SURE), "must be from 0 to 1 (not percent)"),
    (support.table(WALK, _with((3, 3), -0.1, what=SURE)), "a likelihood of -0.1 for 'tailbase'"),
    (support.table(WALK[:20]), "20 frames at 25 Hz are shorter than minimum_duration (1 s)"),
    (support.table(WALK, 0.5 * SURE), "body part 'nose' is never as likely as"),
    (support.table(0 * WALK), "never apart and in sight together"),
    (support.table(_with(np.s_[::2], np.nan)[:, :1].repeat(4, 1)), "never apart"),
    (support.table(WALK[:, :1], parts=("nose",)), "a single body part has no length"),
]


@pytest.mark.parametrize(("content", "sentence"), FILES)
def test_files(tmp_path, capsys, content, sentence):
    _refused(support.run(tmp_path, content), capsys, sentence)


def test_parts_that_are_never_seen_for_long_enough(tmp_path, capsys):
    sure = 0.1 * SURE
    sure[::10] = 0.9
    sentence = "half of the body parts are never tracked together for 7 frames"
    _refused(support.run(tmp_path, support.table(WALK, sure)), capsys, sentence)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mouse.h5", "give the .csv of these tracks; DeepLabCut's analyze_videos_converth5_to_csv"),
        ("mouse.npz", "the suffix must be .csv"),
    ],
)
def test_other_formats(tmp_path, capsys, name, sentence):
    _refused(support.run(tmp_path, b"x", name=name), capsys, sentence)


PARAMETERS = [
    ({"frame_rate": 0.04}, "frame_rate must be frames per second (Hz) from 1 to 1000, not 0.04"),
    ({"frame_rate": "25"}, "frame_rate must be frames per second (Hz)"),
    ({"frame_rate": float("nan")}, "frame_rate must be frames per second (Hz)"),
    ({"likelihood_threshold": 60}, "must be a likelihood (not percent) from 0 to 1, not 60"),
    ({"speed_threshold": 0}, "speed_threshold must be body lengths per second from 0.001 to 10"),
    ({"hysteresis": 0.5}, "hysteresis must be a factor from 1 to 10, not 0.5"),
    ({"minimum_duration": 1000}, "minimum_duration must be seconds from 0.1 to 600, not 1000"),
    ({"minimum_duration": True}, "minimum_duration must be seconds"),
    ({"merge_gap": -1}, "merge_gap must be seconds"),
    ({"smoothing_window": 300}, "smoothing_window must be seconds from 0.01 to 2, not 300"),
    ({"pooling": "mean"}, "pooling must be one of median, fastest, not 'mean'"),
    ({"body_parts": "nose"}, "body_parts must be a list of different body parts, not 'nose'"),
    ({"body_parts": ["nose", "nose"]}, "body_parts must be a list of different body parts"),
    (
        {"body_parts": ["snout"]},
        "there is no body part 'snout', which body_parts names; there are:",
    ),
    ({"body_axis": ["nose"]}, "body_axis must be empty or a list of two different body parts"),
    ({"body_axis": ["nose", "tail"]}, "there is no body part 'tail', which body_axis names"),
    ({"body_parts": ["nose"]}, "a single body part has no length; give body_length or body_axis"),
    ({"body_length": 0}, "body_length must be null or a length in the units of the tracks"),
    ({"threshold": 3}, "parameter 'threshold' does not exist; there are: body_axis,"),
]


@pytest.mark.parametrize(("parameters", "sentence"), PARAMETERS)
def test_parameters(tmp_path, capsys, parameters, sentence):
    _refused(support.run(tmp_path, GOOD, **parameters), capsys, sentence)


CONFIGS = [
    ("", "config.yaml cannot be read as JSON"),
    ("[]", "config.yaml does not say schema: neurocaas/config/v1"),
    ('{"schema": "neurocaas/config/v1", "dataset": null}', "config.yaml names no dataset"),
    ('{"schema": "neurocaas/config/v1", "dataset": "d", "parameters": 3}', "must be a mapping"),
    (
        '{"schema": "neurocaas/config/v1", "dataset": "d", "parameters": {}}',
        "frame_rate is missing",
    ),
]


@pytest.mark.parametrize(("config", "sentence"), CONFIGS)
def test_configs(tmp_path, capsys, config, sentence):
    _refused(support.run(tmp_path, GOOD, config=config), capsys, sentence)


def _refused(result, capsys, sentence):
    code, outputs = result
    printed = capsys.readouterr()
    assert code == 65, printed
    assert printed.err.startswith("error: ")
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert list(outputs.iterdir()) == []
