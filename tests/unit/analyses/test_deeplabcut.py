"""DeepLabCut's workflow refuses what it cannot use, without DeepLabCut; archives are read, never trusted."""

import json
import math
import stat
import sys
import zipfile

import deeplabcut_support as support
import pytest
from deeplabcut_support import FOLDER, TABLE, VIDEO, project, table, zipped
from dlc_training import project as projects
from dlc_training.labels import parse
from dlc_training.refusal import Refusal

_HEADS = [["scorer", "", "", *["ada"] * 4], ["bodyparts", "", "", "paw", "paw", "nose", "nose"]]


def _refused(tmp_path, capsys, content, **parameters):
    code, outputs = support.run(tmp_path, content, **parameters)
    error = capsys.readouterr().err
    assert code == 65
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not list(outputs.iterdir())
    return error


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"more": {VIDEO: None}}, "there is no video in the folder videos"),
        ({"more": {"videos/two.mp4": b"x"}}, "there is 2 videos in the folder videos"),
        ({"more": {TABLE: None}}, "no folder in labeled-data has a CollectedData_*.csv; label frames first"),
        ({"more": {f"{FOLDER}/CollectedData_bob.csv": "x"}}, "has 2 CollectedData_*.csv"),
        ({"more": {f"{FOLDER}/img3.png": None}}, "labels of img3.png, but no such PNG picture"),
        ({"more": {f"{FOLDER}/img3.png": b"GIF89a" + bytes(30)}}, "img3.png is no PNG picture"),
        ({"more": {f"{FOLDER}/img3.png": support.png(64, 40)}}, "64 x 40 pixels, others have 48 x 40"),
        ({"more": {f"{FOLDER}/img0.png": support.png(5000, 40)}}, "sides must be 32 to 4096"),
        ({"text": table({3: [5, "", 20, 30]})}, "'paw' in img3.png has one coordinate only"),
        ({"text": table({3: ["inf", 3, 20, 30]})}, "'paw' in img3.png is infinite"),
        ({"text": table({3: [5, 6, 49, 30]})}, "lies outside of 48 x 40 pixels"),
        ({"text": table({3: [5, 6, -1, 30]})}, "lies outside"),
        ({"text": table({3: [5, 6, "left", 30]})}, "line 7: could not convert string to float"),
        ({"text": table({3: [5, 6, 20]})}, "line 7 has 6 cells, not 7"),
        ({"text": table({n: [0.1, 0.2, 0.3, 0.4] for n in range(10)})}, "in pixels, not fractions"),
        ({"text": table({n: [5, 6, "", ""] for n in range(10)})}, "'nose' is marked in no frame to train with"),
        ({"text": table({n: [""] * 4 for n in range(3)})}, "7 labelled frames are too few"),
        ({"text": table({n: [""] * 4 for n in range(10)})}, "0 labelled frames are too few"),
        ({"text": table().replace("img3", "img4")}, "img4.png has two lines"),
        ({"text": table().replace("cage,img3", "barn,img3")}, "line 7 is not about a picture in labeled-data/cage"),
        ({"text": "frame,x,y\n0,1,2\n"}, "must begin with scorer, bodyparts, coords"),
        ({"text": ""}, "must begin with scorer"),
        ({"text": table(heads=[*_HEADS[:1], ["individuals"] + [""] * 6, *_HEADS[1:]])}, "tracks one animal"),
        ({"text": table(heads=[*_HEADS, ["coords", "", "", "x", "y", "y", "x"]])}, "columns x and y, in this order"),
        ({"text": table(heads=[*_HEADS, ["coords", "", "x", "y", "x", "y", "x"]])}, "one or three columns, not 2"),
        ({"text": table().replace("paw", "nose")}, "names one body part twice"),
        ({"text": table().replace("paw", "")}, "no name for a column"),
        ({"text": b"\xff\xfe\x00"}, "is not UTF-8 text"),
    ],
)  # fmt: skip
def test_an_unusable_project_is_refused_in_one_sentence(changes, sentence, tmp_path, capsys):
    error = _refused(tmp_path, capsys, zipped(project(**changes)))
    assert error.startswith("error: project.zip: ")
    assert sentence in error


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png", "/etc/passwd", "cage-ada/../../x", "C:/x.png", "cage-ada\\x.png", "cage-ada//x",
        "cage-ada/./x", "cage-ada/a\nb.png",
    ],
)  # fmt: skip
def test_an_archive_with_paths_that_lead_elsewhere_is_refused(name, tmp_path, capsys):
    info = zipfile.ZipInfo("name")
    info.filename = name  # as it stands: the constructor would mend some
    error = _refused(tmp_path, capsys, zipped({**project(), info: b"x"}))
    assert "which is no path inside of a project" in error


def test_links_passwords_and_bombs_are_refused_before_anything_is_unpacked(tmp_path, capsys):
    link = zipfile.ZipInfo(f"cage-ada/{FOLDER}/img3.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    files = project(more={f"{FOLDER}/img3.png": None})
    assert "is a link" in _refused(tmp_path, capsys, zipped({**files, link: b"/etc/passwd"}))
    whole = zipped(project())
    at = whole.index(b"PK\x01\x02")
    sealed = whole[: at + 8] + b"\x01" + whole[at + 9 :]
    assert "is encrypted" in _refused(tmp_path, capsys, sealed)
    # What the directory of the archive says that a file will be.
    huge = whole[: at + 24] + (0xFFFF_FFF0).to_bytes(4, "little") + whole[at + 28 :]
    second = huge.index(b"PK\x01\x02", at + 4)
    huge = huge[: second + 24] + (0xFFFF_FFF0).to_bytes(4, "little") + huge[second + 28 :]
    assert "are more than this analysis takes" in _refused(tmp_path, capsys, huge)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04 no archive", "not readable as .zip"),
        (None, "there is no such dataset"),
        (zipped({"notes.txt": b"x"}), "there is no folder labeled-data"),
    ],
)
def test_a_file_that_is_no_project_is_refused(content, sentence, tmp_path, capsys):
    assert sentence in _refused(tmp_path, capsys, content)


def test_a_damaged_picture_is_refused(tmp_path, capsys):
    whole = zipped(project())
    at = whole.index(b"img3.png") + len(b"img3.png") + 12
    damaged = whole[:at] + bytes(8) + whole[at + 8 :]
    assert "not readable as .zip" in _refused(tmp_path, capsys, damaged)


def test_two_projects_in_one_archive_are_refused(tmp_path, capsys):
    files = {f"{place}/{name}": data for place in "ab" for name, data in project().items()}
    assert "one project at a time" in _refused(tmp_path, capsys, zipped(files, prefix=""))


def test_another_suffix_is_refused(tmp_path, capsys):
    error = _refused(tmp_path, capsys, b"RIFF", name="cage.avi")
    assert "the suffix must be .zip" in error


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 to 10000"),
        ({"output_stride": 12}, "output_stride must be one of 8, 16, 32, not 12"),
        ({"output_stride": 8.0}, "output_stride must be one of 8, 16, 32, not 8.0"),
        ({"backbone": "vgg"}, "backbone must be one of test_resnet"),
        ({"training_fraction": 1}, "training_fraction must be a number from 0.5 to 0.99"),
        ({"epoch": 1}, "parameter 'epoch' does not exist"),
        ({"seed": True}, "seed must be a whole number"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters, sentence, tmp_path, capsys):
    assert sentence in _refused(tmp_path, capsys, zipped(project()), **parameters)


def test_parameters_that_depend_on_the_pictures_have_to_be_given(tmp_path, capsys):
    document = {"schema": "neurocaas/config/v1", "dataset": "d", "parameters": {"epochs": 5}}
    error = _refused(tmp_path, capsys, zipped(project()), config=json.dumps(document))
    assert "parameter 'backbone' is missing" in error


def test_a_configuration_that_is_none_is_refused(tmp_path, capsys):
    error = _refused(tmp_path, capsys, zipped(project()), config="{")
    assert "config.yaml cannot be read as JSON" in error


def test_a_refusal_waits_for_no_heavy_library(tmp_path, capsys):
    before = set(sys.modules)
    _refused(tmp_path, capsys, zipped(project(text="")))
    assert not {"torch", "cv2", "pandas", "deeplabcut", "numpy"} & (set(sys.modules) - before)


@pytest.mark.parametrize("prefix", ["", "cage-ada/"])
def test_a_sound_project_is_read_and_unpacked_under_our_own_names(tmp_path, prefix):
    text = table({2: [5, 6, "", ""], 4: [""] * 4}, lead=1).replace("/", "\\")
    more = {".DS_Store": "x", f"{FOLDER}/machinelabels.csv": "x", "notes/two words.txt": "x"}
    path = tmp_path / "cage.zip"
    path.write_bytes(zipped(project(text=text, more=more), prefix=prefix))
    read = projects.read(path, 0.8, 7)
    assert read.bodyparts == ("paw", "nose")
    assert read.size == (48, 40)
    assert read.unlabelled == 1
    assert len(read.pictures) == 9
    assert sum(picture.trained for picture in read.pictures) == 7
    assert [picture.trained for picture in read.pictures] != [
        picture.trained for picture in projects.read(path, 0.8, 8).pictures
    ]
    assert math.isnan(read.pictures[2].places[1][0])
    assert read.pictures[0].places == ((5.5, 6.0), (20.0, 30.0))
    paths, video = projects.unpack(read, tmp_path / "work")
    assert {path.read_bytes() for path in paths} == {support.png()}
    assert video.read_bytes() == b"RIFF"
    names = {str(p.relative_to(tmp_path / "work")) for p in (tmp_path / "work").rglob("*.*")}
    assert names == {f"labeled-data/frames/img{n:05d}.png" for n in range(9)} | {"videos/video.avi"}


def test_at_least_one_frame_is_kept_for_the_test(tmp_path):
    path = tmp_path / "cage.zip"
    path.write_bytes(zipped(project()))
    assert sum(not picture.trained for picture in projects.read(path, 0.99, 0).pictures) == 1


def test_a_part_that_is_marked_in_test_frames_only_is_refused(tmp_path):
    path = tmp_path / "cage.zip"
    path.write_bytes(zipped(project()))
    (kept,) = [n for n, one in enumerate(projects.read(path, 0.99, 0).pictures) if not one.trained]
    rows = {n: [5, 6, "", ""] for n in range(10) if n != kept}
    path.write_bytes(zipped(project(text=table(rows))))
    with pytest.raises(Refusal, match="'nose' is marked in no frame to train with"):
        projects.read(path, 0.99, 0)


def test_folders_with_other_body_parts_are_refused(tmp_path):
    barn = table().replace("cage", "barn").replace("paw", "tail")
    more = {f"labeled-data/barn/img{n}.png": support.png() for n in range(10)}
    more["labeled-data/barn/CollectedData_ada.csv"] = barn
    path = tmp_path / "cage.zip"
    path.write_bytes(zipped(project(more=more)))
    with pytest.raises(Refusal, match="body parts of labeled-data/cage are not those"):
        projects.read(path, 0.9, 0)
    more["labeled-data/barn/CollectedData_ada.csv"] = table().replace("cage", "barn")
    path.write_bytes(zipped(project(more=more)))
    assert len(projects.read(path, 0.9, 0).pictures) == 20


def test_quotes_that_are_not_closed_are_refused():
    with pytest.raises(Refusal, match="not readable as CSV"):
        parse('scorer,,,"ada\n', "cage")


def test_configuration_of_the_sample_is_the_shape_that_the_worker_writes():
    document = json.loads((support.SAMPLE / "config.yaml").read_text())
    assert document["schema"] == "neurocaas/config/v1"
    assert (support.SAMPLE / document["dataset"]).exists()
