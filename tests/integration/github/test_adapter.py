"""What the bot writes on GitHub is there once, whatever happened to the process before."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from adapter_world import asked, connected, dying

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.hosted import Check

MARKER = "<!-- neurocaas:report -->"


@pytest.fixture
def say(hub, repo, client):
    """Return a function that comments as somebody else."""

    def comment(login, number, body):
        pulls = client(hub.token(login)).get_repo(repo.full_name)
        return pulls.get_issue(number).create_comment(body).id

    return comment


def bodies(repo, number):
    return [(comment.user.login, comment.body) for comment in repo.comments_of(number)]


def test_one_comment_is_made_then_edited(hub, repo, adapter, number):
    adapter.comment(number, MARKER, "first")
    adapter.comment(number, MARKER, "second")
    assert bodies(repo, number) == [("neurocaas[bot]", f"{MARKER}\nsecond")]
    hub.calls.clear()
    adapter.comment(number, MARKER, "second")
    assert [call.operation for call in hub.calls if call.method != "GET"] == []


def test_comments_of_other_markers_are_left_alone(repo, adapter, number):
    adapter.comment(number, MARKER, "report")
    adapter.comment(number, "<!-- neurocaas:other -->", "other")
    adapter.comment(number, MARKER, "report 2")
    assert [body.split("\n")[1] for _, body in bodies(repo, number)] == ["report 2", "other"]


def test_the_double_of_a_lost_answer_is_removed(hub, repo, bot, adapter, number):
    hub.drop("issues/create-comment", after=True)
    adapter.comment(number, MARKER, "text")
    assert len(repo.comments_of(number)) == 2, "asked twice, and done twice"
    connected(hub, bot).comment(number, MARKER, "text")
    assert bodies(repo, number) == [("neurocaas[bot]", f"{MARKER}\ntext")]


def test_what_others_write_with_the_marker_is_not_touched(repo, adapter, number, say):
    say("mallory", number, f"{MARKER}\nvalid, merge me")
    adapter.comment(number, MARKER, "real")
    adapter.comment(number, MARKER, "real again")
    assert bodies(repo, number) == [
        ("mallory", f"{MARKER}\nvalid, merge me"), ("neurocaas[bot]", f"{MARKER}\nreal again"),
    ]  # fmt: skip


def test_a_quotation_of_the_marker_is_no_marker(hub, repo, bot, client, adapter, number):
    """A comment of the bot's own that only mentions it."""
    text = f"see {MARKER}"
    client(bot).get_repo(repo.full_name).get_issue(number).create_comment(text)
    adapter.comment(number, MARKER, "text")
    assert [body for _, body in bodies(repo, number)] == [text, f"{MARKER}\ntext"]


def test_its_comment_is_found_behind_two_hundred_others(hub, repo, bot, adapter, number, say):
    say("chatty", number, "word")
    (first,) = repo.comments_of(number)
    for _ in range(202):
        one = dataclasses.replace(first, id=hub.new_id())
        repo.comments[one.id] = one
    adapter.comment(number, MARKER, "text")
    hub.calls.clear()
    connected(hub, bot).comment(number, MARKER, "newer")
    assert len(repo.comments_of(number)) == 204
    assert repo.comments_of(number)[-1].body == f"{MARKER}\nnewer"
    assert asked(hub, "issues/list-comments") == ["issues/list-comments"] * 3


def test_a_comment_whose_author_is_gone_is_passed_over(
    hub, repo, adapter, number, say, monkeypatch
):
    """GitHub's description allows a comment without a user."""
    from fake import shapes

    lost = say("gone", number, f"{MARKER}\nx")
    build = shapes.comment

    def without(github, repository, given):
        shape = build(github, repository, given)
        return {**shape, "user": None} if given.id == lost else shape

    monkeypatch.setattr(shapes, "comment", without)
    adapter.comment(number, MARKER, "text")
    assert [body for _, body in bodies(repo, number)] == [f"{MARKER}\nx", f"{MARKER}\ntext"]


def test_commenting_where_nothing_is(adapter):
    with pytest.raises(UsageError, match="404") as caught:
        adapter.comment(99, MARKER, "text")
    assert caught.value.where == "acme/registry#99"


def check(status="in_progress", conclusion=None, *, key="job", title="title", summary="text"):
    return Check("job ada/one", key, status, title, summary, conclusion, "https://example.org/1")


def test_a_check_is_made_once_and_then_updated(hub, repo, adapter):
    head = repo.head()
    adapter.check(head, check("queued"))
    adapter.check(head, check())
    adapter.check(head, check("completed", "success", title="done"))
    (made,) = repo.checks_of(head)
    assert (made.facts["status"], made.facts["conclusion"]) == ("completed", "success")
    assert (made.facts["external_id"], made.output["title"]) == ("job", "done")
    assert made.facts["details_url"] == "https://example.org/1"
    assert asked(hub, "checks/create", "checks/list") == ["checks/list-for-ref", "checks/create"]


def test_the_check_of_an_earlier_process_is_found_by_its_key(hub, repo, bot, adapter):
    head = repo.head()
    adapter.check(head, check())
    adapter.check(head, check(key="another"))
    connected(hub, bot).check(head, check("completed", "failure"))
    found = {made.facts["external_id"]: made.facts["status"] for made in repo.checks_of(head)}
    assert found == {"job": "completed", "another": "in_progress"}


def test_the_check_of_a_lost_answer_is_found_again(hub, repo, bot):
    head = repo.head()
    with dying(hub, bot, "checks/create") as adapter:
        adapter.check(head, check())
    connected(hub, bot).check(head, check("completed", "success"))
    (made,) = repo.checks_of(head)
    assert made.facts["conclusion"] == "success"


def test_the_check_of_another_app_is_not_taken_for_its_own(hub, repo, adapter):
    head = repo.head()
    other = hub.token("GITHUB_TOKEN", kind="GITHUB_TOKEN", permissions={"checks": "write"})
    connected(hub, other, bot="github-actions[bot]").check(head, check())
    adapter.check(head, check("completed", "success"))
    found = {made.app_login: made.facts["status"] for made in repo.checks_of(head)}
    assert found == {"github-actions[bot]": "in_progress", "neurocaas[bot]": "completed"}


@pytest.mark.parametrize("letter", ["x", "é", "你", "😀"])
def test_long_texts_of_a_check_are_cut(repo, adapter, letter):
    """GitHub counts the bytes of a summary."""
    head = repo.head()
    adapter.check(head, check(title=letter * 300, summary=letter * 70_000))
    (made,) = repo.checks_of(head)
    summary = made.output["summary"]
    assert 60_000 < len(summary.encode()) <= 65_535
    assert set(summary) == {letter}
    assert len(made.output["title"]) == 255


def test_a_check_of_a_commit_that_is_not_there(adapter):
    with pytest.raises(UsageError, match="writing the check failed: GitHub answers 422"):
        adapter.check("1" * 40, check())


FILES = {"registry/a.yaml": b"a: 1\n", "registry/b.yaml": "größe: é\n".encode()}


def propose(adapter):
    return adapter.propose("onboard/7", FILES, "Onboard x", "Closes #7")


def test_a_proposal_has_its_files_and_nothing_is_done_twice(hub, repo, adapter, bot):
    number = propose(adapter)
    item = repo.items[number]
    assert (item.title, item.body, item.pull.base, item.pull.head) == (
        "Onboard x", "Closes #7", "main", "onboard/7",
    )  # fmt: skip
    for path, content in FILES.items():
        assert repo.read(path, "onboard/7") == content
        assert repo.read(path) is None
    assert repo.read("readme", "onboard/7") == b"one\n"
    hub.calls.clear()
    assert propose(connected(hub, bot)) == number
    assert [call.method for call in hub.calls if call.method != "GET"] == []


@pytest.mark.parametrize("step", ["git/create-commit", "git/create-ref", "pulls/create"])
def test_a_proposal_that_was_killed_is_finished_by_the_next(hub, repo, bot, step):
    with dying(hub, bot, step) as adapter:
        propose(adapter)
    number = propose(connected(hub, bot))
    assert list(repo.items) == [number]
    assert repo.items[number].pull.head_sha == repo.head("onboard/7")
    assert all(repo.read(path, "onboard/7") == content for path, content in FILES.items())
    assert repo.git.count("main..onboard/7") == 1


@pytest.mark.parametrize("step", ["git/create-commit", "git/create-ref", "pulls/create"])
def test_a_proposal_outlives_a_lost_answer(hub, repo, adapter, step):
    """It is asked again, and what is there already is taken for done."""
    hub.drop(step, after=True)
    number = propose(adapter)
    assert list(repo.items) == [number]


def test_a_closed_proposal_stays_closed(hub, repo, client, bot, adapter):
    number = propose(adapter)
    client(bot).get_repo(repo.full_name).get_pull(number).edit(state="closed")
    assert propose(connected(hub, bot)) == number
    assert repo.items[number].state == "closed"


def test_a_proposal_that_may_not_be_made(hub, repo):
    token = hub.token("neurocaas", 777, kind="app", permissions={"contents": "read"})
    with pytest.raises(UsageError, match="403"):
        propose(connected(hub, token))
    assert repo.head("onboard/7") is None


def test_the_pull_requests_of_a_commit(hub, repo, adapter, number, client):
    """Only open ones onto main whose head it is."""
    head = repo.items[number].pull.head_sha
    assert adapter.pulls_of(head) == [number]
    repo.commit({"more": "1"}, branch="feature")
    # Closing and opening is what a push does on GitHub to the head.
    later = repo.head("feature")
    ada = client(hub.token("ada")).get_repo(repo.full_name)
    repo.commit({"x": "1"}, branch="other-base")
    repo.commit({"y": "1"}, branch="elsewhere", start="other-base")
    ada.create_pull(base="other-base", head="elsewhere", title="not onto main", body="")
    assert adapter.pulls_of(repo.head("elsewhere")) == []
    assert adapter.pulls_of(head) == []
    assert adapter.pulls_of(later) == [number]
    ada.get_pull(number).edit(state="closed")
    assert adapter.pulls_of(later) == []


def test_a_pull_request_from_a_fork_is_found_by_its_head(hub, repo, client, adapter):
    """GitHub does not list it for the commit, which only the fork has."""
    fork = hub.fork(repo.full_name, "eve")
    head = fork.commit({"new.txt": "new\n"}, branch="feature")
    eve = client(hub.token("eve")).get_repo(repo.full_name)
    opened = eve.create_pull(base="main", head="eve:feature", title="A change", body="")
    assert list(eve.get_commit(head).get_pulls()) == []
    assert adapter.pulls_of(head) == [opened.number]
