"""Pages of analyses are what blueprints, environments and their words give; nothing in them rots."""

import importlib.util
import shutil

import pytest
from analyses_support import ROOT

from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

_SPEC = importlib.util.spec_from_file_location("pages", ROOT / "scripts/document_analyses.py")
document_analyses = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(document_analyses)


@pytest.fixture
def copy(tmp_path):
    for part in ("registry", "docs/analyses"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for words in ROOT.glob("iae/*/*.*"):
        target = tmp_path / words.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(words, target)
    for bars in ROOT.glob("iae/*/sample/expected.json"):
        (tmp_path / bars.relative_to(ROOT)).parent.mkdir(exist_ok=True)
        shutil.copy(bars, tmp_path / bars.relative_to(ROOT))
    return tmp_path


def test_pages_are_up_to_date():
    made = dict(document_analyses.pages(ROOT))
    for path, text in made.items():
        assert path.read_text() == text, f"run scripts/document_analyses.py ({path.name})"
    names = set(Registry(FolderTree(ROOT)).blueprints())
    assert {path.stem for path in made} == names
    pages = {path.stem for path in (ROOT / "docs/analyses").glob("*.md")}
    assert pages == names


def test_links_lead_somewhere():
    import re

    for page in (ROOT / "docs/analyses").glob("*.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("registry/blueprints/pmd.yaml", "default: 16", "default: 15"),
        ("registry/hardware/m5.16xlarge.yaml", "standard: 3.072", "standard: 3.1"),
        ("iae/pmd/sample/expected.json", "0.92", "0.93"),
        ("iae/pmd/README.md", "compression", "squeezing"),
    ],
)
def test_a_change_of_any_source_is_noticed(copy, path, before, after, capsys):
    check = ("--check", "--root", str(copy))
    assert document_analyses.main(check) == 0
    file = copy / path
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    assert document_analyses.main(check) == 1
    assert "stale: docs/analyses/pmd.md" in capsys.readouterr().out
    assert document_analyses.main(("--root", str(copy))) == 0
    assert document_analyses.main(check) == 0


@pytest.mark.parametrize("mark", ["<!-- outputs -->\n", "<!-- cost: decompose 8 s -->\n"])
def test_a_mark_that_is_missing_or_there_twice(copy, mark):
    words = copy / "iae/pmd/README.md"
    text = words.read_text()
    for changed in (text.replace(mark, ""), text.replace(mark, mark + mark)):
        words.write_text(changed)
        with pytest.raises(SystemExit, match="each of these marks once"):
            document_analyses.main(("--root", str(copy)))


def test_seconds_of_a_step_that_does_not_exist(copy):
    words = copy / "iae/pmd/README.md"
    words.write_text(words.read_text().replace("cost: decompose", "cost: compose"))
    with pytest.raises(SystemExit, match="compose"):
        document_analyses.main(("--root", str(copy)))
