"""The stand-ins of actions do what the workflows ask of the real ones, and refuse what those refuse."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from act_orders import CHECKOUT, DOWNLOAD, UPLOAD
from actions import Actions
from actions.box import Limits
from fake.repository import archive

pytestmark = [pytest.mark.sandbox, pytest.mark.slow, pytest.mark.timeout(120)]

WORKFLOW = ".github/workflows/a.yml"
APP_TOKEN = "actions/create-github-app-token@v3"


class World:
    def __init__(self, github) -> None:
        self.github = github
        self.repo = github.create_repository(
            "acme/registry", files={"a/1.txt": "one\n", "b/2.txt": "two\n"}
        )
        self.repo.commit({"a/1.txt": "more\n"})
        self.repo.commit({"c.txt": "on a branch\n"}, branch="topic")

    def run(self, *steps: str, on: str = "workflow_dispatch", permissions: str = "{}"):
        """Run a job of these steps; those without `uses` are scripts."""
        lines = "".join(
            f"      - {step}\n" if step.startswith(("{", "uses")) else f"      - run: |\n{_indent(step)}\n"
            for step in steps
        )  # fmt: skip
        text = f"on: {on}\npermissions: {permissions}\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n{lines}"
        self.repo.commit({WORKFLOW: text})
        actions = Actions(
            self.github, self.repo, limits=Limits(seconds=60), secrets={"KEY": "ghs_app"}
        )
        if on == "workflow_dispatch":
            actions.dispatch("a.yml")
        else:
            self.github.events.clear()
            self.repo.add_run("b.yml", "push", self.repo.head(), conclusion="success", name="b")
        (run,) = actions.deliver()
        return run


def _indent(script: str) -> str:
    return "\n".join(f"          {line}" for line in script.strip().splitlines())


@pytest.fixture
def world(hub):
    return World(hub)


def checkout(**inputs: str) -> str:
    given = ", ".join(f'{name.replace("_", "-")}: "{value}"' for name, value in inputs.items())
    return f"{{uses: {CHECKOUT}, id: checkout, with: {{{given}}}}}"


def test_a_checkout_is_one_commit_on_its_branch_with_the_address_and_the_right_to_push(world):
    run = world.run(
        checkout(),
        """
git rev-list --count HEAD
git symbolic-ref HEAD
git rev-parse -q --verify refs/remotes/origin/main > /dev/null && echo tracked
git config --get remote.origin.url
git ls-remote -q origin refs/heads/topic | cut -f2
git config --get-regexp extraheader | grep -c basic
test "${{ steps.checkout.outputs.commit }}" = "$GITHUB_SHA" && echo same
""",
    )
    assert run.require_success().log.splitlines() == [
        "1", "refs/heads/main", "tracked", "https://github.com/acme/registry", "refs/heads/topic",
        "1", "same",
    ]  # fmt: skip


def test_all_commits_of_all_branches_without_credentials_in_a_folder(world):
    run = world.run(
        checkout(fetch_depth="0", path="here", persist_credentials="false"),
        """
cd here
git rev-list --count HEAD
git rev-parse -q --verify refs/remotes/origin/topic > /dev/null && echo topic
git config --get-regexp extraheader || echo none
""",
    )
    assert run.require_success().log.splitlines() == ["3", "topic", "none"]


def test_a_commit_or_a_branch_can_be_named(world):
    topic = world.repo.head("topic")
    run = world.run(
        checkout(ref=topic, path="commit"), checkout(ref="topic", path="branch"),
        "git -C commit rev-parse HEAD; git -C commit symbolic-ref -q HEAD || echo detached",
        "git -C branch rev-parse HEAD; git -C branch symbolic-ref HEAD",
    )  # fmt: skip
    assert run.log.splitlines() == [topic, "detached", topic, "refs/heads/topic"]


def test_some_folders_and_no_blobs_that_are_not_needed(world):
    run = world.run(
        checkout(sparse_checkout="a", filter="blob:none"),
        "ls; git config remote.origin.partialclonefilter; cat a/1.txt",
    )
    assert run.require_success().log.splitlines() == ["a", "blob:none", "more"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"ref": "nowhere"}, "could not be found"),
        ({"path": "../out"}, "not within the workspace"),
        ({"repository": "acme/other"}, "not found"),
    ],
)
def test_what_cannot_be_checked_out_fails(world, inputs, words):
    run = world.run(checkout(**inputs))
    assert run.conclusion == "failure"
    assert any(words in message for message in run.errors())


def test_a_pull_request_is_not_checked_out_where_it_could_do_harm(world):
    run = world.run(
        checkout(ref="refs/pull/1/merge"), on="{workflow_run: {workflows: [b], types: [completed]}}"
    )
    assert run.errors() == ["refs/pull/1/merge is not checked out in workflow_run"]


def upload(name: str, path: str, **inputs: str) -> str:
    given = "".join(f', {key.replace("_", "-")}: "{value}"' for key, value in inputs.items())
    return f'{{uses: {UPLOAD}, with: {{name: "{name}", path: "{path}"{given}}}}}'


FILES = "mkdir -p r/s .h; touch r/a.json r/b.txt r/s/c.json r/.d r/s/.e .h/f"


@pytest.mark.parametrize(
    ("path", "inputs", "names"),
    [
        ("r", {}, ["a.json", "b.txt", "s/c.json"]),
        ("r/", {"include_hidden_files": "true"}, [".d", "a.json", "b.txt", "s/.e", "s/c.json"]),
        ("r/a.json", {}, ["a.json"]),
        ("r/**/*.json", {}, ["a.json", "s/c.json"]),
        ("r\\n!r/s", {}, ["a.json", "b.txt"]),
        ("r/a.json\\nr/s/c.json", {}, ["a.json", "s/c.json"]),
    ],
)
def test_which_files_an_artifact_holds(world, path, inputs, names):
    run = world.run(FILES, upload("x", path, **inputs)).require_success()
    with zipfile.ZipFile(io.BytesIO(run.artifacts["x"])) as found:
        assert sorted(found.namelist()) == names


@pytest.mark.parametrize(
    ("steps", "conclusion", "words"),
    [
        ([upload("x", "no")], "success", ""),
        ([upload("x", ".h")], "success", ""),
        ([upload("x", "no", if_no_files_found="error")], "failure", "no files"),
        ([upload("a/b", "r")], "failure", "cannot be the name"),
        ([upload("x", "r"), upload("x", "r")], "failure", "already"),
        ([upload("x", "r"), upload("x", "r/s", overwrite="true")], "success", ""),
    ],
)
def test_what_cannot_be_uploaded(world, steps, conclusion, words):
    run = world.run(FILES, *steps)
    assert run.conclusion == conclusion
    assert words in "".join(run.errors())


def test_artifacts_of_this_run_come_together_or_apart(world):
    run = world.run(
        FILES, upload("p-1", "r/a.json"), upload("p-2", "r/b.txt"), upload("q", "r/s"),
        f'{{uses: {DOWNLOAD}, with: {{pattern: "p-*", path: apart}}}}',
        f'{{uses: {DOWNLOAD}, with: {{pattern: "p-*", path: one, merge-multiple: "true"}}}}',
        "find apart one -type f | sort",
    )  # fmt: skip
    assert run.require_success().log.splitlines() == [
        "apart/p-1/a.json", "apart/p-2/b.txt", "one/a.json", "one/b.txt",
    ]  # fmt: skip


def test_artifacts_of_other_runs_need_a_token_that_may_read_them(world):
    other = world.repo.add_run(
        "b.yml", "push", world.repo.head(), conclusion="success",
        artifacts={"x": archive({"f.txt": "of the other\n", "../evil.txt": "out\n"})},
    )  # fmt: skip
    inputs = f'name: x, path: got/in, run-id: "{other}"'
    named = f'{{uses: {DOWNLOAD}, with: {{{inputs}, github-token: "${{{{ github.token }}}}"}}}}'
    run = world.run(named, "cat got/in/f.txt; ls got", permissions="{actions: read}")
    assert run.require_success().log.splitlines() == ["of the other", "in"]
    wrong = world.run(
        f'{{uses: {DOWNLOAD}, with: {{name: y, run-id: "{other}", github-token: "${{{{ github.token }}}}"}}}}',
        permissions="{actions: read}",
    )
    assert wrong.errors() == [f"run {other} has no artifact y"]


def test_the_token_of_an_app_is_masked(world):
    run = world.run(
        f'{{uses: {APP_TOKEN}, id: t, with: {{app-id: "1", private-key: "${{{{ secrets.KEY }}}}"}}}}',
        "echo ${{ steps.t.outputs.token }}; echo ${{ steps.t.outputs.token }} | rev",
    )
    assert run.require_success().log == "***\nppa_shg\n"
    assert world.run(f"{{uses: {APP_TOKEN}, with: {{private-key: x}}}}").conclusion == "failure"
