"""Recipes are sound as far as files can say, pinned, and no part of the catalogue."""

import re
from pathlib import Path

import pytest

from neurocaas_ci.build.from_source import build_packages
from neurocaas_ci.build.recipe import sources
from neurocaas_ci.build.source import load_iae
from neurocaas_ci.errors import FindingsError
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.validate.sources import package

ROOT = Path(__file__).parents[3]
RECIPES = ROOT / "docs" / "recipes"
NAME = "caiman-upstream"


def test_the_recipe_for_caiman_is_a_valid_environment():
    iae = load_iae(FolderTree(RECIPES), NAME)
    caiman = next(one for one in iae.sources.packages if one.name == "caiman")
    assert caiman.git == "https://github.com/flatironinstitute/CaImAn"
    assert re.fullmatch(r"[0-9a-f]{40}", caiman.commit)
    assert {"gcc", "g++", "python3.11-dev", "python3.11"} <= set(build_packages(iae))
    built_with = dict(line.split("==") for line in iae.sources.requirements)
    lines = (RECIPES / "iae" / NAME / "requirements.in").read_text().splitlines()
    wanted = [package(line) for line in lines if line and not line.startswith("#")]
    assert all(found and found[1].startswith("==") for found in wanted)
    # What is compiled against one NumPy runs with that one.
    assert dict(wanted)["numpy"] == f"=={built_with['numpy']}"
    # No package is both built here and asked of the index.
    assert not {one.name for one in iae.sources.packages} & {name for name, _ in wanted}


def test_its_program_compiles_and_its_words_name_the_pin():
    found = {source.path: source for source in sources(FolderTree(RECIPES), NAME)}
    compile(found["workflow.py"].content, "workflow.py", "exec")
    iae = load_iae(FolderTree(RECIPES), NAME)
    caiman = next(one for one in iae.sources.packages if one.name == "caiman")
    words = (RECIPES / "README.md").read_text()
    assert caiman.commit in words
    assert f"version {caiman.version}" in words
    assert "never built here" in words


def test_it_is_no_part_of_the_catalogue():
    registry = Registry(FolderTree(ROOT))
    assert NAME not in registry.iaes()
    assert not (RECIPES / "iae" / NAME / "iae.lock").exists()


IAE = """\
schema: neurocaas/iae/v1
name: x
platform: linux/amd64
base: {kind: deb, packages: [python3.11]}
python: "3.11"
entrypoint: [/usr/bin/python3.11]
sources:
  packages:
    - %s
  requirements: [setuptools==80.9.0]
"""
GIT = 'package: a==1, git: "https://example.org/a/b"'
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (f"{{{GIT}, commit: main}}", "must be the full id of a commit"),
        (f"{{{GIT}, commit: v1.0}}", "must be the full id of a commit"),
        (f"{{{GIT}, commit: 0123abc}}", "must be the full id of a commit"),
        (f"{{{GIT}, commit: {COMMIT.upper()}}}", "must be the full id of a commit"),
        (f"{{{GIT}, commit: refs/heads/{COMMIT}}}", "must be the full id of a commit"),
        (f"{{{GIT}, commit: {'1' * 40}}}", "quotes make it text"),
        (f"{{{GIT}}}", "has no key `commit`"),
        (f"{{package: a==1, commit: {COMMIT}}}", "has no key `git`"),
        ("{package: a}", "must be name==version"),
        ("{package: a>=1}", "must be name==version"),
        ("{package: My_Pkg==1}", "must be name==version"),
        ("{package: a==1, branch: main}", "`branch` is not a key"),
        *(
            (f'{{package: a==1, commit: {COMMIT}, git: "{address}"}}', "must be the https address")
            for address in (
                "http://example.org/a/b", "ssh://git@example.org/a", "git@example.org:a/b", "/srv/a",
                "file:///tmp/a", "https://me:secret@example.org/a", "https://example.org/a?ref=main",
                "https://example.org/a#main", "ext::sh -c id", "https://example.org", "--upload-pack=x",
            )
        ),
    ],
)  # fmt: skip
def test_what_does_not_pin_a_source_is_refused_with_its_place(tmp_path, entry, says):
    (tmp_path / "iae/x").mkdir(parents=True)
    (tmp_path / "iae/x/iae.yaml").write_text(IAE % entry)
    with pytest.raises(FindingsError) as caught:
        load_iae(FolderTree(tmp_path), "x")
    text = str(caught.value)
    assert says in text
    assert "iae/x/iae.yaml:9:" in text


def test_what_pins_a_source_is_accepted(tmp_path):
    (tmp_path / "iae/x").mkdir(parents=True)
    (tmp_path / "iae/x/iae.yaml").write_text(IAE % f"{{{GIT}, commit: {COMMIT}}}")
    (found,) = load_iae(FolderTree(tmp_path), "x").sources.packages
    assert found == ("a", "1", "https://example.org/a/b", COMMIT)
