"""`neurocaas init blueprint`: what it writes is right, and nothing is ever replaced."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from neurocaas_ci.cli.scaffold import files
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree


def write(folder, made):
    for path, text in made.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


@pytest.mark.parametrize(
    "name", ["spikes", "a1", "no", "null", "true", "on", "y", "e3", "x-" + "y" * 61]
)
@pytest.mark.parametrize("maintainer", ["ada", "no", "007", "1e3", "0x1F", "A-b"])
def test_every_allowed_name_makes_valid_files(tmp_path, name, maintainer):
    write(tmp_path, files(name, maintainer))
    registry = Registry(FolderTree(tmp_path))
    blueprint, iae = registry.blueprint(name), registry.iae(name)
    assert (blueprint.findings, iae.findings) == ((), ())
    assert blueprint.value.name == iae.value.name == name
    assert blueprint.value.maintainers == (maintainer,)
    assert blueprint.value.steps[0].iae == name


def test_the_sample_fits_the_workflow(tmp_path):
    """The scaffold's workflow, run by this interpreter with its paths moved, does what it says."""
    made = files("spikes", "ada")
    write(tmp_path, made)
    sample = tmp_path / "iae/spikes/sample"
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    config = json.loads((sample / "config.yaml").read_text())
    (sample / "config.yaml").write_text(json.dumps({**config, "dataset": "dataset/small.csv"}))
    source = made["iae/spikes/workflow.py"]
    source = source.replace("/inputs", str(sample)).replace("/outputs", str(outputs))
    with pytest.raises(SystemExit) as ended:
        exec(compile(source, "workflow.py", "exec"), {"__name__": "__main__"})  # noqa: S102
    assert ended.value.code == 0
    assert json.loads((outputs / "result.json").read_text()) == {"column_sums": [8.0, 12.0]}


def test_it_writes_and_says_what_comes_next(shell, registry):
    done = shell.run("init", "blueprint", "spikes", "--maintainer", "ada", cwd=registry)
    assert done.stdout.split("\n")[:-1] == list(files("spikes", "ada"))
    assert all((registry / path).is_file() for path in done.stdout.split())
    assert "neurocaas iae lock spikes" in done.stderr


@pytest.mark.parametrize("taken", ["iae/spikes/workflow.py", "registry/blueprints/spikes.yaml"])
@pytest.mark.parametrize("kind", ["file", "dangling link"])
def test_it_replaces_nothing(shell, registry, taken, kind):
    path = registry / taken
    path.parent.mkdir(parents=True)
    if kind == "file":
        path.write_text("mine")
    else:
        path.symlink_to("nowhere")
    done = shell.run("init", "blueprint", "spikes", "--maintainer", "ada", code=2, cwd=registry)
    assert f"{taken} exists already; nothing was written" in done.stderr
    there = [p for p in registry.rglob("*") if ".git" not in p.parts and not p.is_dir()]
    assert there == [path]
    if kind == "dangling link":
        assert os.readlink(path) == "nowhere"


@pytest.mark.parametrize(
    "name", ["", "X", "1a", "-x", "a", "a_b", "../up", "a/b", "x" * 64, "ä", "a b", "a\n", "a-"]
)
def test_bad_names_are_refused(shell, registry, name):
    done = shell.run("init", "blueprint", "--maintainer", "ada", "--", name, code=2, cwd=registry)
    assert "cannot name an analysis" in done.stderr
    assert sorted(p.name for p in registry.iterdir()) == [".git"]


@pytest.mark.parametrize("maintainer", ["a]\nstage: open", "../x", "a b", "-", "x" * 40, "a: b"])
def test_bad_logins_are_refused(shell, registry, maintainer):
    done = shell.run(
        "init", "blueprint", "spikes", f"--maintainer={maintainer}", code=2, cwd=registry
    )
    assert "cannot be a login" in done.stderr
    assert not Path(registry / "iae").exists()
