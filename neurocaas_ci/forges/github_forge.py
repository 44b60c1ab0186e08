"""GitHub as the forge of `neurocaas pr`: pull requests are judged in a clone and merged over there."""

from __future__ import annotations

from datetime import UTC
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.fetching import fetch
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.interface import Candidate, Pull, PullState
from neurocaas_ci.forges.plumbing import Plumbing
from neurocaas_ci.forges.titles import plain_title

if TYPE_CHECKING:
    from github.PullRequest import PullRequest

_MAIN = "main"
_MOST_PULLS = 1_000
_INVALID = 422


class GitHubForge:
    """Pull requests of a repository on GitHub; `origin` is the clone in which they are judged.

    The author of a pull request is whoever the token belongs to, whatever `open` is told.
    """

    def __init__(self, hub: GitHub, clone: Path) -> None:
        self.origin = clone
        self._hub = hub

    def open(self, branch: str, title: str, author: str) -> Pull:  # noqa: ARG002 - GitHub knows who asks
        """Open a pull request for a pushed branch, or return the open one of that branch.

        Raise UsageError when the branch is not there or brings nothing that main has not.
        """
        from github import GithubException

        repository = self._hub.repository
        name = f"refs/heads/{branch}"
        valid = Plumbing(self.origin).run("check-ref-format", name, check=False).returncode == 0
        owner = self._hub.address.repository.split("/")[0]
        with self._hub.doing("opening the pull request", branch):
            if not valid or self._hub.tip(branch) is None:
                raise UsageError(
                    f"the branch {branch!r} is not on the origin", hint="push it first"
                )
            for pull in repository.get_pulls(state="open", head=f"{owner}:{branch}", base=_MAIN):
                if pull.head.ref == branch:
                    return _pull(pull)
            try:
                shown = plain_title(title, branch)
                return _pull(repository.create_pull(base=_MAIN, head=branch, title=shown, body=""))
            except GithubException as error:
                if error.status == _INVALID and "No commits between" in str(error.data):
                    raise UsageError(
                        f"main already contains the branch {branch}",
                        hint="commit something to it first",
                    ) from error
                raise

    def pulls(self) -> list[Pull]:
        """Return the newest pull requests onto main, oldest first."""
        with self._hub.doing("listing the pull requests", _MAIN):
            found = self._hub.repository.get_pulls(state="all", base=_MAIN, direction="desc")
            return [_pull(pull) for pull in islice(found, _MOST_PULLS)][::-1]

    def prepare(self, number: int) -> Candidate:
        """Make the merge of a pull request with main as it is now, without publishing it.

        Raise UsageError when it is not open or does not merge cleanly.
        """
        with self._hub.doing("reading the pull request", number):
            pull = _pull(self._get(number))
        if pull.state != "open":
            raise UsageError(f"pull request #{number} is {pull.state}")
        fetched = fetch(self.origin, self._hub.address, number)
        commit = fetched.merged(f"Merge pull request #{number}: {pull.title}")
        now = Pull(
            number, pull.title, pull.author, pull.branch, fetched.head, "open", pull.created
        )  # fmt: skip
        return Candidate(now, fetched.main, commit)

    def merge(self, candidate: Candidate) -> bool:
        """Let GitHub make the same merge; return False when main or the branch has moved since."""
        if self._hub.main() != candidate.base:
            return False
        pull = candidate.pull
        title = f"Merge pull request #{pull.number}: {pull.title}"
        return self._hub.merge(pull.number, pull.head, title)

    def close(self, number: int) -> Pull:
        """Close a pull request without merging it."""
        with self._hub.doing("closing the pull request", number):
            pull = self._get(number)
            state = _pull(pull).state
            if state != "open":
                raise UsageError(f"pull request #{number} is {state} already")
            pull.edit(state="closed")
            return _pull(self._get(number))

    def _get(self, number: int) -> PullRequest:
        from github import UnknownObjectException

        try:
            # What a lazy repository gives has not been asked for yet.
            return self._hub.repository.get_pull(number).complete()
        except UnknownObjectException as error:
            raise UsageError(
                f"there is no pull request #{number}",
                where=self._hub.address.repository,
                hint="`neurocaas pr list` lists them",
            ) from error


def _pull(pull: PullRequest) -> Pull:
    state: PullState = "open"
    if pull.state != "open":
        state = "merged" if pull.merged_at is not None else "closed"
    created = pull.created_at.astimezone(UTC).isoformat(timespec="seconds")
    title = plain_title(pull.title, pull.head.ref)
    return Pull(pull.number, title, pull.user.login, pull.head.ref, pull.head.sha, state, created)
