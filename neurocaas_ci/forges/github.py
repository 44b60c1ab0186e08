"""GitHub behind the ports of a hosted forge, by PyGithub; every method may be called again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from neurocaas_ci.errors import UsageError
from neurocaas_ci.forges.github_client import Address, connect, translated
from neurocaas_ci.forges.hosted import Check, FileStatus, PullFacts, PullFile, WorkflowRun

if TYPE_CHECKING:
    from github.CheckRun import CheckRun
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest

MAX_FILES = 3_000
"""GitHub lists no more files of a pull request than this."""

_MAIN = "main"
_MAX_COMMENTS = 3_000
_EXISTS, _GONE, _NOT_FOUND = 422, 410, 404
_CHUNK = 1 << 16
_SECONDS = 30
# GitHub takes 65,535 bytes of a summary.
_SHOWN = 65_000


class GitHub:
    """One repository on GitHub, as `Hub` and `Workflows`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.client, self.repository = connect(address)
        self._bot_id: int | None = None
        self._checks: dict[tuple[str, str, str], int] = {}

    def facts(self, number: int) -> PullFacts:
        """Return what GitHub knows of a pull request; raise UsageError when there is none."""
        with self.doing("reading the pull request", number):
            pull = self.repository.get_pull(number)
            # More are neither listed nor reviewed.
            files = [] if pull.changed_files > MAX_FILES else list(pull.get_files())
            return _facts(pull, [_file(file.raw_data) for file in files])

    def pulls_of(self, commit: str) -> list[int]:
        """Return the open pull requests onto main whose head is this very commit."""
        with self.doing("finding the pull requests", commit):
            # What GitHub lists for a commit leaves out those of forks.
            found = self.repository.get_pulls(
                state="open", base=_MAIN, sort="updated", direction="desc"
            )
            return sorted(pull.number for pull in found if pull.head.sha == commit)

    def comment(self, number: int, marker: str, body: str) -> None:
        """Keep one comment on a pull request or an issue: make it, or edit the one with the marker.

        What an interrupted run wrote twice is removed. Only comments of this bot count.
        """
        with self.doing("writing the comment", number):
            issue = self.repository.get_issue(number)
            mine: list[IssueComment] = []
            for count, comment in enumerate(issue.get_comments()):
                if count >= _MAX_COMMENTS:
                    break
                # An account that is gone leaves comments without a user.
                author = comment.user.id if comment.user is not None else None
                if author == self.bot() and comment.body.startswith(marker):
                    mine.append(comment)
            text = f"{marker}\n{body}"
            if not mine:
                issue.create_comment(text)
                return
            for double in mine[1:]:
                double.delete()
            if mine[0].body != text:
                mine[0].edit(text)

    def check(self, commit: str, check: Check) -> None:
        """Make a check of a commit, or bring the one with its name and key up to date."""
        place = (commit, check.name, check.key)
        given: dict[str, Any] = {
            "status": check.status,
            "output": {"title": check.title[:255], "summary": _cut(check.summary)},
        }
        if check.conclusion is not None:
            given["conclusion"] = check.conclusion
        if check.url is not None:
            given["details_url"] = check.url
        with self.doing("writing the check", commit):
            if place not in self._checks:
                runs = self.repository.get_commit(commit).get_check_runs(check_name=check.name)
                for run in runs:
                    if run.external_id == check.key and self._made(run):
                        self._checks[place] = max(run.id, self._checks.get(place, 0))
            if place in self._checks:
                self.repository.get_check_run(self._checks[place]).edit(**given)
                return
            made = self.repository.create_check_run(
                check.name, commit, external_id=check.key, **given
            )
            self._checks[place] = made.id

    def propose(self, branch: str, files: Mapping[str, bytes], title: str, body: str) -> int:
        """Open a pull request that adds files, on a branch from main; return its number.

        Branch, commit and pull request are three steps; each is looked for before it is made.
        """
        from github import GithubException

        with self.doing("opening the pull request", branch):
            known = self._proposal(branch)
            if known is not None:
                return known
            if self.tip(branch) is None:
                # The branch appears with all its files in it.
                commit = self._commit(files, title)
                try:
                    self.repository.create_git_ref(f"refs/heads/{branch}", commit)
                except GithubException as error:
                    # Asked twice, because the answer to the first request was lost.
                    if error.status != _EXISTS or self.tip(branch) is None:
                        raise
            try:
                return self.repository.create_pull(
                    base=_MAIN, head=branch, title=title, body=body, maintainer_can_modify=False
                ).number
            except GithubException as error:
                known = self._proposal(branch) if error.status == _EXISTS else None
                if known is None:
                    raise
                return known

    def run(self, number: int) -> WorkflowRun:
        """Return a workflow run by its id; raise UsageError when there is none."""
        with self.doing("reading the workflow run", number):
            data = self.repository.get_workflow_run(number).raw_data
        source = data.get("head_repository")
        return WorkflowRun(
            data["id"],
            # GitHub appends `@ref` for runs of other branches.
            str(data["path"]).split("@", 1)[0],
            data["event"],
            data["status"] or "",
            data["conclusion"],
            data["head_sha"],
            source["full_name"] if source else None,
            data["html_url"],
        )

    def artifact(self, number: int, name: str, limit: int) -> bytes | None:
        """Return the zip archive of an artifact of a run, or None where there is none.

        Raise UsageError when it is larger than `limit` bytes; no more than that is ever held.
        """
        import requests
        from github import GithubException

        with self.doing("reading the artifact", number):
            found = self.repository.get_workflow_run(number).get_artifacts()
            artifact = next((one for one in found if one.name == name and not one.expired), None)
            if artifact is None:
                return None
            _bounded(artifact.size_in_bytes, limit, name)
            # GitHub sends on to a signed address of its storage, which takes no token besides.
            first = requests.get(
                artifact.archive_download_url,
                headers={"Authorization": f"Bearer {self.address.fresh()}"},
                allow_redirects=False,
                timeout=_SECONDS,
            )
            if first.status_code == _GONE:
                return None
            if not first.ok:
                raise GithubException(first.status_code, {"message": first.reason})
            with requests.get(first.headers["Location"], stream=True, timeout=_SECONDS) as answer:
                answer.raise_for_status()
                parts: list[bytes] = []
                for part in answer.iter_content(_CHUNK):
                    parts.append(part)
                    _bounded(sum(map(len, parts)), limit, name)
            return b"".join(parts)

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow file (its name, such as `run.yml`) on main."""
        with self.doing("starting the workflow", workflow):
            self.repository.get_workflow(workflow).create_dispatch(_MAIN, dict(inputs), throw=True)

    def merge(self, number: int, head: str, title: str) -> bool:
        """Merge a pull request whose head is still `head`; return False when it has moved."""
        from github import GithubException

        with self.doing("merging the pull request", number):
            try:
                pull = self.repository.get_pull(number)
                done = pull.merge(commit_title=title, merge_method="merge", sha=head)
            except GithubException as error:
                # 405: not mergeable any more, 409: the head has moved.
                if error.status in {405, 409}:
                    return self._is_merged(number, head)
                raise
            return bool(done.merged)

    def main(self) -> str:
        """Return the commit that main is now."""
        with self.doing("reading main", _MAIN):
            return self.repository.get_git_ref(f"heads/{_MAIN}").object.sha

    def _made(self, run: CheckRun) -> bool:
        """Tell whether a check is this bot's own: nobody else's can be changed."""
        bot = self.address.bot
        return bot is None or run.app.slug == bot.removesuffix("[bot]")

    def _proposal(self, branch: str) -> int | None:
        """Return the newest pull request from a branch onto main, whatever became of it."""
        owner = self.address.repository.split("/")[0]
        known = self.repository.get_pulls(state="all", head=f"{owner}:{branch}", base=_MAIN)
        return next((pull.number for pull in known if pull.head.ref == branch), None)

    def tip(self, branch: str) -> str | None:
        """Return the commit of a branch, or None when there is no such branch."""
        from github import GithubException

        try:
            # The reference alone asks nothing: the repository is a lazy one.
            return self.repository.get_git_ref(f"heads/{branch}").object.sha
        except GithubException as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def _is_merged(self, number: int, head: str) -> bool:
        # The answer to an earlier, successful request may have been lost.
        pull = self.repository.get_pull(number)
        return bool(pull.merged) and pull.head.sha == head

    def _commit(self, files: Mapping[str, bytes], title: str) -> str:
        from github.InputGitTreeElement import InputGitTreeElement

        parent = self.repository.get_git_commit(self.main())
        elements = [
            InputGitTreeElement(path, "100644", "blob", content=content.decode())
            for path, content in files.items()
        ]
        tree = self.repository.create_git_tree(elements, parent.tree)
        return self.repository.create_git_commit(title, tree, [parent]).sha

    def bot(self) -> int:
        """Return the numeric id of the account that this bot writes as."""
        if self._bot_id is None:
            login = self.address.bot
            user = self.client.get_user(login) if login else self.client.get_user()
            self._bot_id = user.id
        return self._bot_id

    def doing(self, action: str, what: object) -> AbstractContextManager[None]:
        """Return a block in which errors of GitHub become ours."""
        number = f"#{what}" if isinstance(what, int) else f" {what}"
        return translated(action, f"{self.address.repository}{number}")


def _facts(pull: PullRequest, files: list[PullFile]) -> PullFacts:
    data = pull.raw_data
    source = data["head"].get("repo")
    return PullFacts(
        number=data["number"],
        title=data["title"],
        author=data["user"]["login"],
        author_id=data["user"]["id"],
        state="merged" if data.get("merged") else data["state"],
        draft=bool(data.get("draft")),
        base=data["base"]["ref"],
        base_commit=data["base"]["sha"],
        head=data["head"]["sha"],
        branch=data["head"]["ref"],
        head_repository=source["full_name"] if source else None,
        mergeable=data.get("mergeable"),
        labels=tuple(label["name"] for label in data.get("labels", ())),
        changed_files=data["changed_files"],
        files=tuple(files),
    )


def _file(data: Mapping[str, Any]) -> PullFile:
    return PullFile(
        data["filename"], cast("FileStatus", data["status"]), data.get("previous_filename")
    )


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:_SHOWN].decode("utf-8", "ignore")


def _bounded(size: int, limit: int, name: str) -> None:
    if size > limit:
        raise UsageError(
            f"the artifact {name} has more than {limit} bytes",
            hint="it does not come from `neurocaas`; look at the run that made it",
        )
