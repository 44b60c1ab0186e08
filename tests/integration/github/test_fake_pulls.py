"""PyGithub takes a pull request from its opening to its merge; nothing strays from GitHub's description."""

from __future__ import annotations


def test_a_pull_request_from_open_to_merge(hub, repo, bot, client):
    """Open, look at the files, comment, check, merge; the events are those of GitHub."""
    head = repo.commit(
        {"readme": None, "moved.txt": None, "jobs/new.yaml": "a: 1\n", "b.txt": "a\n" * 40, "a.txt": None},
        branch="feature", user="ada", message="add a job",
    )  # fmt: skip
    registry = client(bot).get_repo("acme/registry")
    pull = registry.create_pull(base="main", head="feature", title="a job", body="please")
    assert (pull.number, pull.head.sha, pull.draft, pull.mergeable) == (1, head, False, None)
    assert registry.get_pull(1).mergeable is None
    pull = registry.get_pull(1)
    assert pull.mergeable is True
    assert pull.changed_files == 3
    files = {f.filename: (f.status, f.previous_filename) for f in pull.get_files()}
    assert files == {
        "readme": ("removed", None),
        "jobs/new.yaml": ("added", None),
        "b.txt": ("renamed", "a.txt"),
    }
    comment = pull.create_issue_comment("hello")
    comment.edit("hello again")
    assert [c.body for c in pull.get_issue_comments()] == ["hello again"]
    check = registry.create_check_run("validate", head, status="in_progress")
    check.edit(status="completed", conclusion="success", output={"title": "t", "summary": "s"})
    commit = registry.get_commit(head)
    assert [c.conclusion for c in commit.get_check_runs()] == ["success"]
    assert [p.number for p in commit.get_pulls()] == [1]
    pull.add_to_labels("auto")
    result = pull.merge(sha=head)
    assert result.merged
    assert registry.get_pull(1).merged
    assert repo.head() == result.sha
    assert hub.violations == []
    told = [(event.name, event.payload.get("action")) for event in hub.events]
    assert told == [
        ("push", None), ("pull_request", "opened"), ("issue_comment", "created"),
        ("issue_comment", "edited"), ("check_run", "created"), ("check_run", "completed"),
        ("pull_request", "labeled"), ("pull_request", "closed"), ("push", None),
    ]  # fmt: skip
