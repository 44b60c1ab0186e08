"""The list of the paper's analyses says what the registry holds, and nothing else."""

import importlib.util
import re
import shutil

import pytest
from analyses_support import ROOT

_SPEC = importlib.util.spec_from_file_location("paper", ROOT / "scripts/document_paper.py")
document_paper = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(document_paper)


def test_page_is_up_to_date():
    text = document_paper.page(ROOT)
    assert (ROOT / "docs/paper-analyses.md").read_text() == text, "run scripts/document_paper.py"
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (ROOT / "docs" / target).exists(), target


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / "registry", tmp_path / "registry")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_what_is_not_in_the_registry_is_not_claimed(copy, capsys):
    check = ("--check", "--root", str(copy))
    assert document_paper.main(check) == 1
    assert document_paper.main(check[1:]) == 0
    assert document_paper.main(check) == 0
    (copy / "registry/blueprints/pmd.yaml").unlink()
    assert document_paper.main(check) == 1
    assert "stale" in capsys.readouterr().out
    (row,) = [line for line in document_paper.page(copy).splitlines() if line.startswith("| PMD")]
    assert "not in the catalogue yet" in row
    assert "](analyses/" not in row


def test_another_sorter_is_never_called_yass(copy):
    (row,) = [line for line in document_paper.page(copy).splitlines() if line.startswith("| YASS")]
    assert "**not available**" in row
    assert "another method for this purpose: [spikeinterface-lupin]" in row
    assert row.endswith("| none |")
    (copy / "registry/blueprints/spikeinterface-lupin.yaml").unlink()
    (row,) = [line for line in document_paper.page(copy).splitlines() if line.startswith("| YASS")]
    assert "**not available**" in row
    assert "](analyses/" not in row
