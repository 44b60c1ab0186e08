"""For whom a pull request acts when a bot opened it, and whose words an event carries; no I/O here.

A pull request is judged by the numeric id of its author: own jobs are let in, nobody approves what
is their own. What a form asks for is proposed by the bot, so the forge names the bot as the author.
`acting_for` puts the person in its place: the author of issue n, as the forge says it now, when

* the pull request is the bot's, from a branch `signup/<n>` or `job/<n>` of this very repository, and
* it adds exactly one file, with the very bytes that this issue gives over the base commit.

The last is what makes this safe. Whoever can push to the repository could put another commit on the
branch, and whoever may edit issues could change the text: then bytes and issue no longer agree, and
the pull request acts for nobody, so a maintainer decides. No field of the form, no label, nothing
in the pull request's text is ever believed. Somebody who may do both, push such a branch before the
bot does and edit the issue of another to agree with it, is only kept out by a rule of the forge that
lets nobody but the bot write these branches; `neurocaas doctor` asks for it.

A bot's pull request from any other branch is the platform's own, as it is with certificates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.hosted import Issue, PullFacts
from neurocaas_ci.model.actor import Actor
from neurocaas_ci.onboard.draft import Draft

_BRANCH = re.compile(r"(signup|job)/([1-9][0-9]{0,9})")
_OF_A_FORM = re.compile(r"(signup|job)/", re.IGNORECASE)
_ACTIONS = ("opened", "edited")


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, and why it is this one; an Actor with the bot's number is no user of a registry."""

    actor: Actor
    reason: str


def acting_for(  # noqa: PLR0911 - one guard each
    pull: PullFacts,
    branch: str,
    contents: Mapping[str, bytes],
    *,
    bot_id: int,
    repository: str,
    issue_of: Callable[[int], Issue],
    draft_of: Callable[[Issue], object],
) -> Acting:
    """Return for whom a pull request acts.

    `branch` is the name of its head, `contents` what the head commit holds at the changed paths,
    `repository` the platform's own (`owner/name`), `draft_of` what `onboard.draft` makes of an
    issue over the base commit. The issue is asked for only when it can count.
    """
    if pull.author_id != bot_id:
        return Acting(Actor(pull.author_id), "the author of the pull request")
    nobody = Actor(bot_id)
    if pull.head_repository is None or pull.head_repository.lower() != repository.lower():
        return Acting(nobody, "the bot's branch is not in this repository")
    if not _OF_A_FORM.match(branch):
        return Acting(Actor(bot_id, platform=True), "the platform's own pull request")
    match = _BRANCH.fullmatch(branch)
    if match is None:
        return Acting(nobody, "the branch names no issue")
    number = int(match[2])
    if not pull.complete or len(pull.files) != 1 or pull.files[0].status != "added":
        return Acting(nobody, "more is changed than the one file that a form adds")
    try:
        issue = issue_of(number)
        made = draft_of(issue)
    except UsageError as error:
        # There is no such issue, or main has no forms any more.
        return Acting(nobody, f"issue {number} asks for nothing: {error.message}")
    if not isinstance(made, Draft) or made.branch != branch or issue.number != number:
        return Acting(nobody, f"issue {number} asks for no such file, or no longer")
    path = pull.files[0].path
    if made.path != path or contents.get(path) != made.content:
        return Acting(nobody, f"the file is not the one that issue {number} asks for")
    return Acting(Actor(issue.author_id), f"the author of issue {number}, which asks for this file")


def not_the_authors(event: Mapping[str, Any], issue: Issue) -> str | None:
    """Say why an event of the forge does not carry the words of the issue's author, or return None.

    Maintainers can edit an issue, and it stays the author's; a job written by them must not count
    as the author's own. The text of an event is what its sender saved. When the issue reads
    otherwise by now, somebody has edited it since, and that has an event of its own.
    """
    told, sender = event.get("issue"), event.get("sender")
    if not isinstance(told, dict) or told.get("number") != issue.number:
        return "the event is not about this issue"
    if event.get("action") not in _ACTIONS:
        return "the event changes no words"
    if not isinstance(sender, dict) or sender.get("id") != issue.author_id:
        return "the event is not of the issue's author"
    if event["action"] == "edited" and "body" not in (event.get("changes") or {}):
        return "the event changes no words of the form"
    if _lines(told.get("body")) != _lines(issue.body):
        return "the issue reads otherwise by now"
    return None


def _lines(body: object) -> str:
    return body.replace("\r\n", "\n") if isinstance(body, str) else ""
