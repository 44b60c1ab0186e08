"""`neurocaas onboard`: make a pull request of an issue form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from neurocaas_ci.cli.common import fetch_option, find_repo, main_ref, repo_option, say
from neurocaas_ci.cli.draft import judge_draft
from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.hosted import Hub, Issue, Issues
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.onboard import words
from neurocaas_ci.onboard.acting import not_the_authors
from neurocaas_ci.onboard.draft import Draft, Known, Refusal, draft, forms_of
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.git import GitTree

# An event of GitHub has 25 MB at most.
_MOST_EVENT = 25_000_000


@click.command("onboard", short_help="Make a pull request of an issue form.")
@click.option("--issue", "number", type=click.IntRange(min=1), required=True, help="Its number.")
@click.option(
    "--event",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The event that asks for it: only words of the issue's author count then.",
)
@repo_option
@fetch_option
def command(number: int, event: Path | None, repo: Path | None, *, fetch: bool) -> None:
    """Turn the form in an issue (a sign-up, or a job) into a pull request, and answer below it.

    Who asks is the account that opened the issue. What it asks for is judged as `neurocaas validate`
    does; when something is wrong, the answer says what to correct. Done twice it changes nothing.
    """
    repo = find_repo(repo)
    issues, hub = forge(repo)
    told = _event(event) if event else None
    with GitTree(repo, main_ref(repo, fetch=fetch)) as head:
        click.echo(onboard(repo, head, issues.issue(number), hub, told))


def forge(repo: Path) -> tuple[Issues, Hub]:
    """Return the ports of the forge behind a repository."""
    from neurocaas_ci.cli.github_option import open_github
    from neurocaas_ci.forges.github_issues import GitHubIssues

    github = open_github(repo)
    return GitHubIssues(github.address), github


def onboard(
    repo: Path, head: GitTree, issue: Issue, hub: Hub, event: dict[str, Any] | None = None
) -> str:
    """Do what an issue asks for, and return what that was."""
    if issue.state == "closed":
        return f"nothing to do: issue {issue.number} is closed"
    registry = Registry(head)
    forms = forms_of(registry)
    made = draft(issue, forms, registry)
    if made is None:
        return f"nothing to do: issue {issue.number} is no form of this platform"
    why = not_the_authors(event, issue) if event is not None else None
    if why is not None:
        say(f"note: {why}")
        return f"nothing to do: {why}"
    if isinstance(made, Known):
        hub.comment(issue.number, words.MARKER, words.known(made.login))
        return f"nothing to do: the author of issue {issue.number} is a user already"
    fields = forms[made.kind]
    if isinstance(made, Draft):
        author = Actor(issue.author_id)
        errors = judge_draft(repo, head, made.path, made.content, author=author).errors
        if not errors:
            return _propose(made, issue, hub, words.request_body(made, issue, fields))
        made = Refusal(made.kind, words.problems_of(errors, fields))
    hub.comment(issue.number, words.MARKER, words.refused(made.problems))
    count = len(made.problems)
    return f"refused: {count} problem{'' if count == 1 else 's'}, named below issue {issue.number}"


def _propose(made: Draft, issue: Issue, hub: Hub, body: str) -> str:
    """Open the pull request first: the comment, which ends the work, is only true after it."""
    pull = hub.propose(made.branch, {made.path: made.content}, made.title, body)
    hub.comment(issue.number, words.MARKER, words.proposed(made, pull))
    return f"pull request {pull}"


def _event(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            event = json.loads(file.read(_MOST_EVENT + 1))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the event cannot be read: {error}", where=str(path)) from error
    if not isinstance(event, dict):
        raise UsageError("this is no event of a forge", where=str(path))
    return event
