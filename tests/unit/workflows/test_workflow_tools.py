"""Workflow files, issue forms and what lies beside them are held against other people's tools."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
JS = ROOT / "tests/js"
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").iterdir())
FORMS = sorted(set((GITHUB / "ISSUE_TEMPLATE").iterdir()) - {GITHUB / "ISSUE_TEMPLATE/config.yml"})
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE/config.yml"],
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}
BAD_FILES = {
    "vendor.github-workflows": "on: push\njobs: {a: {steps: [{run: x}]}}\n",
    "vendor.github-issue-forms": "name: x\ndescription: y\nbody: [{type: wheel}]\n",
    "vendor.github-issue-config": "blank_issues_enabled: perhaps\n",
    "vendor.dependabot": "version: 1\n",
}
# It is right in its form; what is wrong are its parts.
BAD_WORKFLOW = """\
on: {push: {branches: [main]}}
permissions: {}
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v7
      - run: echo ${{ github.event.head_commit.message }} ${{ nothing.at.all }}
"""


def tool(name):
    """Return the program beside this Python; skip where it is not to be had."""
    found = shutil.which(
        name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if found is None:
        pytest.skip(f"there is no {name} on this machine (scripts/setup dev installs it)")
    return found


def said(*command, folder=ROOT, text=None):
    """Run a program; return its exit code and all that it said."""
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, input=text, capture_output=True, text=True,
        check=False, timeout=60, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def bad(tmp_path):
    """Return a repository with a bad workflow."""
    path = tmp_path / ".github/workflows/bad.yml"
    path.parent.mkdir(parents=True)
    path.write_text(BAD_WORKFLOW)
    return tmp_path


@pytest.fixture(scope="module")
def parser(tmp_path_factory):
    """Return GitHub's parser as one script, which an older Node reads too."""
    if shutil.which("node") is None:
        pytest.skip("there is no Node on this machine")
    if not (JS / "node_modules/@actions").is_dir():
        pytest.skip("GitHub's parser is not installed (scripts/setup-js installs it)")
    bundle = tmp_path_factory.mktemp("parser") / "workflows.mjs"
    code, words = said(
        JS / "node_modules/.bin/esbuild", JS / "workflows.mjs", "--bundle", "--format=esm",
        "--external:node:*", "--log-level=warning", f"--outfile={bundle}",
    )  # fmt: skip
    assert code == 0, words

    def read(files):
        code, words = said("node", bundle, text=json.dumps(files))
        assert code == 0, words
        return json.loads(words)

    return read


def test_github_reads_our_workflows(parser):
    answers = parser({path.name: path.read_text() for path in WORKFLOWS})
    assert answers == {path.name: [] for path in WORKFLOWS}


def test_github_refuses_a_bad_workflow(parser):
    problems = parser({"bad.yml": BAD_WORKFLOW, "worse.yml": BAD_FILES["vendor.github-workflows"]})
    assert any("nothing" in problem for problem in problems["bad.yml"])
    assert any("runs-on" in problem for problem in problems["worse.yml"])


def test_actionlint_finds_nothing():
    # Without shellcheck and pyflakes the answer is the same on every machine.
    program = tool("actionlint")
    assert said(program, "-shellcheck=", "-pyflakes=", *WORKFLOWS) == (0, "")


def test_actionlint_finds_what_is_bad(bad):
    code, words = said(tool("actionlint"), bad / ".github/workflows/bad.yml", folder=bad)
    assert code == 1
    assert "github.event.head_commit.message" in words


def zizmor(folder):
    return said(
        tool("zizmor"), "--offline", "--no-progress", "--strict-collection", "--persona=auditor",
        "--config", ROOT / "zizmor.yml", "--format=plain", "--color=never", "--quiet",
        folder / ".github",
    )  # fmt: skip


def test_zizmor_finds_nothing():
    code, words = zizmor(ROOT)
    assert code == 0, words
    assert "No findings to report" in words


def test_zizmor_finds_what_is_bad(bad):
    code, words = zizmor(bad)
    assert code >= 11, words
    assert "template-injection" in words
    assert "unpinned-uses" in words


def test_each_exception_of_zizmor_has_its_reason_above():
    for path in WORKFLOWS:
        lines = path.read_text().splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            if "zizmor: ignore" in line:
                assert before.strip().startswith("# "), f"{path.name}: {line}"


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_have_the_form_that_github_publishes_and_a_bad_one_has_not(schema, tmp_path):
    assert SCHEMAS[schema]
    bad = tmp_path / "bad.yml"
    bad.write_text(BAD_FILES[schema])
    code, words = said(
        tool("check-jsonschema"), "--builtin-schema", schema, "--output-format=json",
        *SCHEMAS[schema], bad,
    )  # fmt: skip
    assert code == 1, words
    assert {error["filename"] for error in json.loads(words)["errors"]} == {str(bad)}


def test_workflow_files_are_within_what_github_takes():
    assert all(path.suffix == ".yml" for path in WORKFLOWS)
    assert all(path.stat().st_size < 500_000 for path in WORKFLOWS)
