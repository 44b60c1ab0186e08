"""How people, repositories, issues, pull requests and what hangs on them look in an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .people import User
from .records import Comment, Item, Label

if TYPE_CHECKING:
    from .hub import FakeGitHub
    from .people import Token
    from .repository import Repository

_FULL_ONLY = (
    "merged", "mergeable", "rebaseable", "mergeable_state", "merged_by", "comments",
    "review_comments", "maintainer_can_modify", "commits", "additions", "deletions",
    "changed_files",
)  # fmt: skip
"""What only the answer about one pull request has."""


def user(github: FakeGitHub, account: User) -> dict[str, Any]:
    """Return an account in short."""
    shape: dict[str, Any] = github.spec.example("issues/create")["user"]
    login = account.login
    kept = {
        key: value.replace("octocat", login) if isinstance(value, str) else value
        for key, value in shape.items()
    }
    kept["avatar_url"] = f"{github.base}/avatars/{account.id}"
    return {**kept, "login": login, "id": account.id, "type": account.kind, "node_id": f"U_{account.id}"}  # fmt: skip


def organization(github: FakeGitHub, account: User) -> dict[str, Any]:
    """Return an organization, as events have it."""
    url = f"{github.base}/orgs/{account.login}"
    return {
        "login": account.login, "id": account.id, "node_id": f"O_{account.id}", "url": url,
        "repos_url": f"{url}/repos", "events_url": f"{url}/events", "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues", "members_url": url + "/members{/member}",
        "public_members_url": url + "/public_members{/member}", "description": None,
        "avatar_url": f"{github.base}/avatars/{account.id}",
    }  # fmt: skip


def reactions(url: str) -> dict[str, Any]:
    """Return that nobody has shown a feeling."""
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes", "total_count")
    return {"url": f"{url}/reactions", **dict.fromkeys(kinds, 0)}


def app(github: FakeGitHub, app_id: int, operation: str = "checks/create") -> dict[str, Any]:
    """Return an App in short."""
    shape: dict[str, Any] = github.spec.example(operation)["app"]
    slug = github.apps[app_id].login.removesuffix("[bot]")
    return {**shape, "id": app_id, "slug": slug, "name": slug, "node_id": f"A_{app_id}"}


def repository(github: FakeGitHub, repo: Repository, token: Token | None = None) -> dict[str, Any]:
    """Return a repository."""
    shape: dict[str, Any] = github.spec.example("repos/get", repo.full_name)
    for key in ("parent", "source", "template_repository", "organization", "code_of_conduct"):
        shape.pop(key, None)
    role = repo.role(token.user) if token else "read"
    shape.update(
        id=repo.id, node_id=f"R_{repo.id}", name=repo.name, full_name=repo.full_name,
        owner=user(github, repo.owner), private=repo.private, fork=repo.parent is not None,
        visibility="private" if repo.private else "public", default_branch=repo.default_branch,
        url=repo.url, html_url=repo.html_url, clone_url=repo.clone_url, language=None,
        archived=False, disabled=False, has_issues=True, description=None, license=None,
        permissions={"admin": role == "admin", "push": role != "read", "pull": True},
    )  # fmt: skip
    if repo.parent is not None:
        shape["parent"] = shape["source"] = repository(github, repo.parent)
    return shape


def label(repo: Repository, given: Label) -> dict[str, Any]:
    """Return a label."""
    return {
        "id": given.id, "node_id": f"L_{given.id}", "url": f"{repo.url}/labels/{quote(given.name, safe='')}",
        "name": given.name, "color": given.color, "description": given.description,
        "default": False,
    }  # fmt: skip


def association(repo: Repository, account: User) -> str:
    """Return what an account has to do with a repository."""
    if account == repo.owner:
        return "OWNER"
    return "COLLABORATOR" if account.login in repo.collaborators else "NONE"


def comment(github: FakeGitHub, repo: Repository, given: Comment) -> dict[str, Any]:
    """Return a comment."""
    shape: dict[str, Any] = github.spec.example("issues/create-comment", repo.full_name)
    part = "pull" if repo.items[given.number].pull else "issues"
    shape.update(
        id=given.id, node_id=f"IC_{given.id}", body=given.body, user=user(github, given.user),
        url=f"{repo.url}/issues/comments/{given.id}", created_at=given.created,
        html_url=f"{repo.html_url}/{part}/{given.number}#issuecomment-{given.id}",
        issue_url=f"{repo.url}/issues/{given.number}", updated_at=given.updated,
        author_association=association(repo, given.user),
        performed_via_github_app=app(github, given.app_id) if given.app_id else None,
        reactions=reactions(f"{repo.url}/issues/comments/{given.id}"),
    )  # fmt: skip
    return shape


def issue(github: FakeGitHub, repo: Repository, item: Item) -> dict[str, Any]:
    """Return an issue; a pull request is one too."""
    shape: dict[str, Any] = github.spec.example("issues/create", repo.full_name)
    url, part = f"{repo.url}/issues/{item.number}", "pull" if item.pull else "issues"
    shape.update(
        _common(github, repo, item), url=url, repository_url=repo.url, events_url=f"{url}/events",
        labels_url=url + "/labels{/name}", comments_url=f"{url}/comments",
        html_url=f"{repo.html_url}/{part}/{item.number}", state_reason=item.reason, closed_by=None,
        comments=len(repo.comments_of(item.number)),
        performed_via_github_app=app(github, item.app_id) if item.app_id else None,
    )  # fmt: skip
    shape["reactions"] = reactions(url)
    for key in ("pull_request", "type", "repository", "draft"):
        shape.pop(key, None)
    if item.pull:
        pull_url = f"{repo.url}/pulls/{item.number}"
        page = f"{repo.html_url}/pull/{item.number}"
        shape["draft"] = item.pull.draft
        shape["pull_request"] = {
            "url": pull_url, "html_url": page, "diff_url": page + ".diff",
            "patch_url": page + ".patch", "merged_at": item.pull.merged_at,
        }  # fmt: skip
    return shape


def pull(github: FakeGitHub, repo: Repository, item: Item, *, full: bool = True) -> dict[str, Any]:
    """Return a pull request; in a list much of it is not there."""
    facts = item.pull
    assert facts is not None
    shape: dict[str, Any] = github.spec.example("pulls/get", repo.full_name)
    url, page = f"{repo.url}/pulls/{item.number}", f"{repo.html_url}/pull/{item.number}"
    issue_url, base = f"{repo.url}/issues/{item.number}", facts.base_sha
    statuses = f"{repo.url}/statuses/{facts.head_sha}"
    shape.update(
        _common(github, repo, item), url=url, html_url=page, diff_url=page + ".diff",
        patch_url=page + ".patch", issue_url=issue_url, commits_url=f"{url}/commits",
        review_comments_url=f"{url}/comments", comments_url=f"{issue_url}/comments",
        statuses_url=statuses, draft=facts.draft, merged_at=facts.merged_at,
        merge_commit_sha=facts.merge_sha or facts.test_merge, requested_reviewers=[],
        requested_teams=[], auto_merge=None,
        head=_side(github, facts.head_repository, facts.head, facts.head_sha),
        base=_side(github, repo, facts.base, base),
        _links={
            "self": {"href": url}, "html": {"href": page}, "issue": {"href": issue_url},
            "comments": {"href": f"{issue_url}/comments"}, "statuses": {"href": statuses},
            "review_comments": {"href": f"{url}/comments"}, "commits": {"href": f"{url}/commits"},
            "review_comment": {"href": f"{repo.url}/pulls/comments{{/number}}"},
        },
    )  # fmt: skip
    if not full:
        return {key: value for key, value in shape.items() if key not in _FULL_ONLY}
    git = repo.git
    merge_base = git.merge_base(base, facts.head_sha) or base
    changes = git.differences(merge_base, facts.head_sha)
    known = facts.unread <= 0 and item.closed is None
    clean = facts.test_merge is not None
    shape.update(
        merged=facts.merged_at is not None, mergeable=clean if known else None,
        rebaseable=clean if known else None,
        mergeable_state=("clean" if clean else "dirty") if known else "unknown",
        merged_by=user(github, facts.merged_by) if facts.merged_by else None,
        comments=len(repo.comments_of(item.number)), review_comments=0,
        maintainer_can_modify=False, commits=git.count(f"{base}..{facts.head_sha}"),
        additions=sum(change.additions for change in changes),
        deletions=sum(change.deletions for change in changes), changed_files=len(changes),
    )  # fmt: skip
    return shape


def _common(github: FakeGitHub, repo: Repository, item: Item) -> dict[str, Any]:
    return {
        "id": item.id, "node_id": f"I_{item.id}", "number": item.number, "title": item.title,
        "body": item.body, "state": item.state, "locked": item.locked,
        "active_lock_reason": item.lock_reason, "user": user(github, item.user),
        "labels": [label(repo, repo.labels[name]) for name in item.labels],
        "milestone": None, "assignee": None, "assignees": [], "created_at": item.created,
        "updated_at": item.updated, "closed_at": item.closed,
        "author_association": association(repo, item.user),
    }  # fmt: skip


def _side(github: FakeGitHub, repo: Repository | None, branch: str, sha: str) -> dict[str, Any]:
    owner = repo.owner if repo else github.user("ghost", 10137)
    return {
        "label": f"{owner.login}:{branch}", "ref": branch, "sha": sha, "user": user(github, owner),
        "repo": repository(github, repo) if repo else None,
    }  # fmt: skip
