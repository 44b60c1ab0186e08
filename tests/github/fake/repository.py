"""A repository of the fake: the bare git repository, and what GitHub keeps beside it."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .pages import Pages
from .people import User
from .plumbing import Bare
from .records import Artifact, CheckRun, Comment, Item, Label, Protection, Run, Status, now

if TYPE_CHECKING:
    from .hub import FakeGitHub

Content = bytes | str | None | tuple[str, bytes | str]
"""The new content of a file: bytes or text, None to remove it, or with a mode (`120000`, `160000`)."""


class Repository:
    """What tests may do with a repository without asking over HTTP."""

    def __init__(
        self, github: FakeGitHub, full_name: str, owner: User, *,
        private: bool, parent: Repository | None,
    ) -> None:  # fmt: skip
        self.github, self.full_name, self.owner = github, full_name, owner
        self.private, self.parent = private, parent
        self.name = full_name.partition("/")[2]
        self.id = github.new_id()
        self.default_branch = "main"
        self.path = github.folder / f"{full_name}.git"
        self.git = Bare(self.path)
        self.git.make()
        self.known: dict[str, str] = {}
        self.collaborators: dict[str, str] = {}
        self.items: dict[int, Item] = {}
        self.comments: dict[int, Comment] = {}
        self.labels: dict[str, Label] = {}
        self.statuses: list[Status] = []
        self.checks: dict[int, CheckRun] = {}
        self.runs: dict[int, Run] = {}
        self.artifacts: dict[int, Artifact] = {}
        self.protections: dict[str, Protection] = {}
        self.environments: dict[str, dict[str, Any]] = {}
        self.secrets: set[str] = set()
        self.variables: dict[str, str] = {}
        self.actions: dict[str, Any] = {
            "enabled": True, "allowed_actions": "all", "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False, "sha_pinning_required": False,
        }  # fmt: skip
        self.workflow_ids: dict[str, int] = {}
        # Where the artifacts of the run lie that is under way, and what Pages show.
        self.uploads: Path | None = None
        self.pages = Pages()

    @property
    def url(self) -> str:
        """The address in the REST API."""
        return f"{self.github.base}/repos/{self.full_name}"

    @property
    def html_url(self) -> str:
        """The address for people."""
        return f"{self.github.base}/{self.full_name}"

    @property
    def clone_url(self) -> str:
        """The address for git."""
        return self.html_url + ".git"

    def add_collaborator(self, login: str, role: str = "write") -> None:
        """Let an account write (or `read`, `admin`)."""
        self.collaborators[self.github.user(login).login] = role

    def role(self, user: User) -> str:
        """Return what an account may: `admin`, `write` or `read`."""
        return "admin" if user == self.owner else self.collaborators.get(user.login, "read")

    def protect(
        self, branch: str = "main", *, checks: Mapping[str, int | None] | None = None,
        bypass: Collection[str] = (), approvals: int = 0, classic: bool = False,
    ) -> None:  # fmt: skip
        """Switch the rules of a branch on: changes through pull requests only, with these checks."""
        self.protections[branch] = Protection(
            branch, self.github.new_id(), dict(checks or {}), frozenset(bypass), approvals, classic
        )

    def add_environment(
        self, name: str, *, reviewers: Collection[str] = (), protected: bool = False,
        branches: Collection[str] | None = None, secrets: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Make an environment, for `protected` or chosen branches only, or with people who must agree.

        Of secrets there are only the names.
        """
        self.environments[name] = {
            "id": self.github.new_id(), "reviewers": list(reviewers), "protected": protected,
            "branches": None if branches is None else list(branches), "secrets": list(secrets),
        }  # fmt: skip

    def commit(
        self, files: Mapping[str, Content], *, branch: str = "main", message: str = "change",
        start: str | None = None, user: str | None = None,
    ) -> str:  # fmt: skip
        """Commit to a branch on the disk and return the commit.

        It makes events, as a push does, only where `user` says who pushed. A new branch begins at
        `start`, or at main.
        """
        with self.github.lock:
            parent = self.git.commit_of(start or "") or self.git.commit_of(branch)
            parent = parent or self.git.commit_of(self.default_branch)
            author = self.github.user(user or "octocat")
            self.git.run("fast-import", "--quiet", "--force",
                         data=_stream(files, branch, message, parent, author))  # fmt: skip
            self.github.settle(self, self.github.actor(author) if user else None, silent=not user)
            return self.git.run("rev-parse", f"refs/heads/{branch}")

    def read(self, path: str, rev: str = "main") -> bytes | None:
        """Return a file of a commit, or None when it is not there."""
        sha = self.git.object_at(rev, path)
        return None if sha is None else self.git.blob(sha)

    def head(self, branch: str = "main") -> str | None:
        """Return the commit of a branch."""
        return self.git.commit_of(f"refs/heads/{branch}")

    def add_run(
        self, path: str, event: str, head_sha: str, status: str = "completed",
        conclusion: str | None = None, artifacts: Mapping[str, bytes] | None = None, *,
        head_branch: str = "main", head_repository: Repository | None = None,
        actor: str = "octocat", pulls: Collection[int] = (), name: str | None = None,
    ) -> int:  # fmt: skip
        """Let a run of a workflow file be there; it makes a `workflow_run` event. Return its id.

        The bytes of an artifact are what is downloaded: use `archive` to make them.
        """
        with self.github.lock:
            number = 1 + sum(run.path == path for run in self.runs.values())
            run = Run(
                self.github.new_id(), number, path, event, head_sha,
                head_branch, head_repository or self, self.github.user(actor), status, conclusion,
                name or Path(path).stem, tuple(pulls),
            )  # fmt: skip
            self.runs[run.id] = run
            self._leave(run, artifacts)
            action = {"completed": "completed", "in_progress": "in_progress"}.get(status, "requested")  # fmt: skip
            self.github.emit_run(self, run, action)
            return run.id

    def update_run(
        self, run_id: int, status: str, conclusion: str | None = None,
        artifacts: Mapping[str, bytes] | None = None,
    ) -> None:  # fmt: skip
        """Bring a run on; when it is completed there is a `workflow_run` event."""
        with self.github.lock:
            run = self.runs[run_id]
            run.status, run.conclusion, run.updated = status, conclusion, now()
            self._leave(run, artifacts)
            self.github.emit_run(self, run, status)

    def workflow_id(self, path: str) -> int:
        """Return the id of a workflow file."""
        return self.workflow_ids.setdefault(path, self.github.new_id())

    def _leave(self, run: Run, artifacts: Mapping[str, bytes] | None) -> None:
        for name, content in (artifacts or {}).items():
            artifact = Artifact(self.github.new_id(), run.id, name, content)
            run.artifacts.append(artifact)
            self.artifacts[artifact.id] = artifact

    def comments_of(self, number: int) -> list[Comment]:
        """Return the comments of an issue or a pull request, the oldest first."""
        return [comment for comment in self.comments.values() if comment.number == number]

    def checks_of(self, sha: str) -> list[CheckRun]:
        """Return the check runs of a commit."""
        return [check for check in self.checks.values() if check.head_sha == sha]

    def next_number(self) -> int:
        """Return the number of the next issue or pull request."""
        return max(self.items, default=0) + 1


def archive(files: Mapping[str, bytes | str], kind: Literal["stored", "deflated"] = "deflated") -> bytes:  # fmt: skip
    """Return a zip archive, as the content of an artifact."""
    method = zipfile.ZIP_DEFLATED if kind == "deflated" else zipfile.ZIP_STORED
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


def _stream(
    files: Mapping[str, Content], branch: str, message: str, parent: str | None, author: User
) -> bytes:
    who = f"{author.login} <{author.email}> {int(time.time())} +0000"
    text = message.encode()
    out = [f"commit refs/heads/{branch}\ncommitter {who}\ndata {len(text)}\n".encode(), text, b"\n"]
    if parent:
        out.append(f"from {parent}\n".encode())
    for path, given in files.items():
        quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if given is None:
            out.append(f"D {quoted}\n".encode())
            continue
        mode, content = given if isinstance(given, tuple) else ("100644", given)
        data = content.encode() if isinstance(content, str) else content
        if mode == "160000":
            out.append(f"M {mode} {data.decode()} {quoted}\n".encode())
        else:
            out += [f"M {mode} inline {quoted}\ndata {len(data)}\n".encode(), data, b"\n"]
    return b"".join(out)
