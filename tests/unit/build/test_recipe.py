import os
import subprocess

import pytest

from neurocaas_ci.build.recipe import recipe, sources
from neurocaas_ci.errors import BuildError
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.git import GitTree

FILES = {
    "iae.yaml": "name: x\n",
    "base.lock": "lock\n",
    "requirements.in": "numpy\n",
    "workflow.py": "print(1)\n",
    "src/pkg/__init__.py": "",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "iae" / "x" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(folder):
    return recipe(FolderTree(folder), "x")


def test_the_digest_never_changes(folder):
    # A new value here means that every published iae.lock is out of date: BUILDER needs a new
    # version then.
    assert digest(folder) == ("52ed99d04cac88e4f2ba3e16e8b104bfff7efea44209f921aeb574e5f84a7f3c")


@pytest.mark.parametrize("name", FILES)
def test_every_source_counts(folder, name):
    before = digest(folder)
    with (folder / "iae" / "x" / name).open("a") as file:
        file.write("# more\n")
    assert digest(folder) != before


def test_the_executable_bit_counts_and_other_bits_do_not(folder):
    before = digest(folder)
    path = folder / "iae/x/workflow.py"
    path.chmod(0o600)
    assert digest(folder) == before
    path.chmod(0o755)
    assert digest(folder) != before


@pytest.mark.parametrize(
    "name",
    [
        "iae.lock",
        "README.md",
        "sample/config.yaml",
        "sample/dataset/a.csv",
        "sample/expected.json",
        ".DS_Store",
        "src/.ipynb_checkpoints/a.py",
        "src/pkg/__pycache__/a.cpython-311.pyc",
        "src/a.pyc",
    ],
)
def test_what_is_no_source_does_not_count(folder, name):
    before = digest(folder)
    path = folder / "iae" / "x" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("anything")
    assert digest(folder) == before


def test_notes_among_the_sources_count(folder):
    before = digest(folder)
    (folder / "iae/x/src/README.md").write_text("anything")
    assert digest(folder) != before


def test_only_workflow_and_src_enter_the_image(folder):
    (folder / "iae/x/src/workflow.txt").write_text("")
    (folder / "iae/x/README.md").write_text("")
    found = {s.path for s in sources(FolderTree(folder), "x") if s.is_code}
    assert found == {"workflow.py", "src/pkg/__init__.py", "src/workflow.txt"}


def test_a_commit_and_a_folder_have_one_recipe(folder):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=folder, env=env, check=True)
    with GitTree(folder, "HEAD") as tree:
        assert recipe(tree, "x") == digest(folder)


def test_links_are_refused(folder):
    (folder / "iae/x/src/link").symlink_to("/etc/passwd")
    with pytest.raises(BuildError, match="regular files") as caught:
        digest(folder)
    assert caught.value.where == "iae/x/src/link"


def test_an_unknown_name(folder):
    with pytest.raises(BuildError, match="no IAE named 'y'"):
        recipe(FolderTree(folder), "y")


def test_a_neighbour_whose_name_begins_the_same_does_not_count(folder):
    before = digest(folder)
    other = folder / "iae" / "xy"
    other.mkdir()
    (other / "iae.yaml").write_text("name: xy\n")
    assert digest(folder) == before
