"""What every forge must do, run on each adapter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from forge_repository import Repository
from github_origin import on_github

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.github_forge import GitHubForge
from neurocaas_ci.forges.local_git import LocalGitForge

ADAPTERS = ("local_git", "github")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("template")).make()


@pytest.fixture
def repository(template, tmp_path):
    return template.copy(tmp_path)


@pytest.fixture(params=ADAPTERS)
def forge(request, repository):
    if request.param == "local_git":
        yield LocalGitForge(repository.origin)
        return
    with on_github(repository) as (forge, hub):
        request.node.hub = hub
        yield forge


def published(repository, forge, candidate, commit="main"):
    """Tell whether a commit of the origin is what was prepared.

    GitHub makes a merge commit of its own: there the files and the parents have to be those.
    """
    if isinstance(forge, GitHubForge):
        shown = [
            repository.git("log", "-1", "--format=%T %P", name, cwd=folder)
            for name, folder in ((commit, repository.origin), (candidate.commit, forge.origin))
        ]
        return shown[0] == shown[1]
    return repository.git("rev-parse", commit, cwd=repository.origin) == candidate.commit


def opened(repository, forge, name, files=None):
    commit = repository.branch(name, files)
    pull = forge.open(name, f"Change {name}", "ada")
    assert pull.head == commit
    return pull


def test_a_pull_request_has_its_facts(repository, forge):
    assert forge.pulls() == []
    commit = repository.branch("topic")
    pull = forge.open("topic", "Add a topic", "ada")
    assert (pull.number, pull.title, pull.author) == (1, "Add a topic", "ada")
    assert (pull.branch, pull.head, pull.state) == ("topic", commit, "open")
    assert pull.created.endswith("+00:00")
    assert forge.pulls() == [pull]


def test_opening_again_follows_the_branch(repository, forge):
    first = opened(repository, forge, "topic")
    commit = repository.branch("topic", {"topic.txt": "better"})
    again = forge.open("topic", "Another title", "ada")
    assert (again.number, again.head, again.title) == (first.number, commit, first.title)
    assert len(forge.pulls()) == 1


def test_numbers_count_up(repository, forge):
    assert [opened(repository, forge, name).number for name in ("a", "b", "c")] == [1, 2, 3]


def test_merging_brings_the_change_to_main(repository, forge):
    before = repository.main()
    pull = opened(repository, forge, "topic")
    candidate = forge.prepare(pull.number)
    assert repository.main() == before, "a candidate is not published"
    assert forge.merge(candidate)
    assert published(repository, forge, candidate)
    assert repository.main_files() == {"readme", "topic.txt"}
    parents = repository.git("rev-list", "--parents", "-1", "main", cwd=repository.origin).split()
    assert parents[1:] == [before, pull.head]
    assert forge.pulls()[0].state == "merged"
    message = repository.git("log", "-1", "--format=%B", "main", cwd=repository.origin)
    if isinstance(forge, GitHubForge):
        message = message.removesuffix("\n\nChange topic")
    assert message == "Merge pull request #1: Change topic"


def test_merging_twice_is_refused(repository, forge):
    pull = opened(repository, forge, "topic")
    candidate = forge.prepare(pull.number)
    assert forge.merge(candidate)
    after = repository.main()
    assert not forge.merge(candidate)
    with pytest.raises(UsageError, match="is merged"):
        forge.prepare(pull.number)
    assert repository.main() == after


def test_two_merges_race_and_both_land(repository, forge):
    one, two = opened(repository, forge, "one"), opened(repository, forge, "two")
    first, second = forge.prepare(one.number), forge.prepare(two.number)
    assert forge.merge(first)
    assert not forge.merge(second), "main has moved since it was prepared"
    assert forge.merge(forge.prepare(two.number))
    assert repository.main_files() == {"readme", "one.txt", "two.txt"}
    assert published(repository, forge, first, "main~1")
    assert [pull.state for pull in forge.pulls()] == ["merged", "merged"]


def test_what_is_pushed_after_preparing_is_not_merged(repository, forge):
    pull = opened(repository, forge, "topic")
    candidate = forge.prepare(pull.number)
    unjudged = repository.branch("topic", {"unjudged.txt": "x"})
    before = repository.main()
    assert not forge.merge(candidate)
    assert repository.main() == before
    again = forge.prepare(pull.number)
    assert again.pull.head == unjudged
    assert forge.merge(again)


def test_closing_after_preparing_stops_the_merge(repository, forge):
    pull = opened(repository, forge, "topic")
    candidate = forge.prepare(pull.number)
    forge.close(pull.number)
    assert not forge.merge(candidate)
    assert "topic.txt" not in repository.main_files()


def test_a_conflict_names_the_files_and_changes_nothing(repository, forge):
    one = opened(repository, forge, "one", {"readme": "1\n", "ours.txt": "1"})
    two = opened(repository, forge, "two", {"readme": "2\n", "fine.txt": "2"})
    assert forge.merge(forge.prepare(one.number))
    before = repository.main()
    with pytest.raises(UsageError, match=r"conflicts with main in readme\n") as caught:
        forge.prepare(two.number)
    assert "settle it there" in caught.value.hint
    assert repository.main() == before
    assert forge.pulls()[1].state == "open"


def test_closed_stays_closed_and_the_branch_can_be_opened_anew(repository, forge):
    first = opened(repository, forge, "topic")
    assert forge.close(first.number).state == "closed"
    with pytest.raises(UsageError, match="is closed already"):
        forge.close(first.number)
    with pytest.raises(UsageError, match="is closed"):
        forge.prepare(first.number)
    second = forge.open("topic", "Once more", "ada")
    assert second.number == 2
    assert forge.merge(forge.prepare(2))
    assert [pull.state for pull in forge.pulls()] == ["closed", "merged"]


def test_a_merged_one_cannot_be_closed(repository, forge):
    pull = opened(repository, forge, "topic")
    assert forge.merge(forge.prepare(pull.number))
    with pytest.raises(UsageError, match="is merged already"):
        forge.close(pull.number)


def test_merged_is_derived_from_main(repository, forge):
    """Whoever pushes the commits to main by hand has merged the pull request."""
    commit = repository.branch("topic")
    forge.open("topic", "By hand", "ada")
    repository.git("push", "-q", "origin", f"{commit}:main")
    assert forge.pulls()[0].state == "merged"


def test_a_branch_without_changes_is_refused(repository, forge):
    repository.git("push", "-q", "origin", "main:refs/heads/same")
    with pytest.raises(UsageError, match="already contains"):
        forge.open("same", "Nothing", "ada")
    assert forge.pulls() == []


def test_an_empty_commit_leaves_the_files_of_main(repository, forge):
    repository.git("checkout", "-q", "--detach", "main")
    repository.git("push", "-q", "origin", f"{repository.commit('empty')}:refs/heads/empty")
    pull = forge.open("empty", "Empty", "ada")
    assert forge.merge(forge.prepare(pull.number))
    assert repository.main_files() == {"readme"}


def test_a_branch_that_is_gone_is_said(repository, forge):
    pull = opened(repository, forge, "topic")
    repository.git("push", "-q", "origin", ":refs/heads/topic")
    assert forge.pulls()[0].head == pull.head
    if isinstance(forge, GitHubForge):
        # GitHub closes it itself.
        with pytest.raises(UsageError, match="is closed"):
            forge.prepare(pull.number)
        return
    with pytest.raises(UsageError, match="no longer on the origin"):
        forge.prepare(pull.number)
    assert forge.close(pull.number).state == "closed"


@pytest.mark.parametrize("number", [0, -1, 7, 10**30])
def test_an_unknown_number_is_said(forge, number):
    for action in (forge.prepare, forge.close):
        with pytest.raises(UsageError, match="there is no pull request"):
            action(number)


@pytest.mark.parametrize(
    "branch",
    ["nowhere", "", "..", "a b", "-", "main~0", "main^{tree}", "@{-1}", "x\n", "../main", "a\x1bb"],
)
def test_a_branch_that_is_not_there_is_said(forge, branch):
    with pytest.raises(UsageError, match="is not on the origin"):
        forge.open(branch, "title", "ada")


@pytest.mark.parametrize(
    "branch",
    [
        "-rf",
        "--receive-pack=evil",
        "a;touch_x",
        "$(touch${IFS}x)",
        "`touch`",
        "a'b",
        'a"b',
        "é/ü",
        "a|b",
        "#1",
    ],
)
def test_odd_branch_names_are_only_names(repository, forge, branch):
    commit = repository.branch("plain")
    repository.git("push", "-q", "origin", f"{commit}:refs/heads/{branch}")
    pull = forge.open(branch, "Odd", "ada")
    assert pull.branch == branch
    assert forge.merge(forge.prepare(pull.number))
    assert forge.pulls()[0].state == "merged"
    assert not (repository.origin / "x").exists()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Größe → 你好", "Größe → 你好"),
        ("two\nlines\tand   gaps", "two lines and gaps"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred[0m"),
        ("right\u202eto\u2066left", "righttoleft"),
        ("bad\udce9byte", "badbyte"),
        ("", "topic"),
        ("\x00\x1b", "topic"),
        ("x" * 1000, "x" * 200),
        ("-m --amend", "-m --amend"),
    ],
)
def test_titles_are_one_printable_line(repository, forge, title, shown):
    repository.branch("topic")
    pull = forge.open("topic", title, title)
    assert pull.title == shown
    assert pull.author.isprintable()
    assert forge.merge(forge.prepare(1))
    subject = repository.git("log", "-1", "--format=%s", "main", cwd=repository.origin)
    assert subject == f"Merge pull request #1: {shown}"


def test_many_pull_requests_are_listed_with_few_processes(request, repository, forge):
    """A registry has a pull request per job; listing must not start git (or ask) for each of them."""
    commit = repository.branch("topic")
    for i in range(12):
        repository.git("update-ref", f"refs/heads/c{i}", commit, cwd=repository.origin)
        forge.open(f"c{i}", f"Change {i}", "ada")
    started = []

    def count(event, arguments):
        if event == "subprocess.Popen" and counting:
            started.append(arguments[0])

    asked = len(request.node.hub.calls) if isinstance(forge, GitHubForge) else 0
    counting = True
    sys.addaudithook(count)
    try:
        assert [pull.number for pull in forge.pulls()] == list(range(1, 13))
    finally:
        counting = False
    if isinstance(forge, GitHubForge):
        # The fake starts git in this very process.
        assert len(request.node.hub.calls) - asked == 1
        return
    assert 0 < len(started) <= 5
