"""Pull requests."""

from __future__ import annotations

import re
from typing import Any

from fake import changes, git_shapes, pushes, shapes
from fake.calls import Call, Listing, Refused, invalid, operation
from fake.records import Item, Proposal, now

from .issues import too_long

_MOST_FILES = 3000
_MOST_COMMITS = 250
_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)", re.IGNORECASE)


@operation("pulls/list", "pull_requests")
def list_all(call: Call) -> Any:
    query, found = call.query, []
    for item in reversed(call.repo.items.values()):
        facts = item.pull
        if facts is None or query.get("state", "open") not in {"all", item.state}:
            continue
        if query.get("base", facts.base) != facts.base:
            continue
        owner = facts.head_repository.owner.login if facts.head_repository else ""
        label = f"{owner}:{facts.head}"
        # Without an owner GitHub filters nothing.
        if ":" in query.get("head", "") and query["head"] != label:
            continue
        found.append(item)
    if query.get("direction") == "asc":
        found.reverse()
    return Listing(found, lambda item: shapes.pull(call.github, call.repo, item, full=False))


@operation("repos/list-pull-requests-associated-with-commit", "pull_requests")
def of_commit(call: Call) -> Any:
    """What brought a commit to main; of one that is not there, the open ones that propose it.

    A commit that only a fork has is not known by what proposes it.
    """
    sha, git, found = call.commit(call.params["commit_sha"]), call.repo.git, []
    main = call.repo.head(call.repo.default_branch)
    landed = main is not None and git.contains(main, sha)
    for item in call.repo.items.values():
        facts = item.pull
        if facts is None or (facts.merged_at is None if landed else item.closed is not None):
            continue
        if not landed and facts.head_repository is not call.repo:
            continue
        own = sha in {facts.head_sha, facts.merge_sha}
        if own or (git.contains(facts.head_sha, sha) and not git.contains(facts.base_sha, sha)):
            found.append(item)
    return Listing(found, lambda item: shapes.pull(call.github, call.repo, item, full=False))


@operation("pulls/get", "pull_requests")
def get(call: Call) -> Any:
    item = call.item(pull=True)
    shape = shapes.pull(call.github, call.repo, item)
    # GitHub begins to find out when it is asked.
    assert item.pull is not None
    item.pull.unread -= 1
    return shape


@operation("pulls/create", "pull_requests", anyone=True)
def create(call: Call) -> Any:
    repo, body = call.repo, call.body
    too_long("PullRequest", "body", body.get("body"))
    owner, _, branch = body["head"].rpartition(":")
    source = repo
    if owner and owner != repo.owner.login:
        forks = [r for r in call.github.repositories.values() if r.parent is repo]
        found = [fork for fork in forks if fork.owner.login == owner]
        if not found:
            raise invalid("PullRequest", "invalid", field="head")
        source = found[0]
    elif not call.github.writes(call.token, repo):
        raise Refused(404, "Not Found")
    head, base = source.head(branch), repo.head(body["base"])
    if head is None or base is None:
        raise invalid("PullRequest", "invalid", field="head" if head is None else "base")
    for item in repo.items.values():
        facts = item.pull
        if facts and item.closed is None and (facts.head_repository, facts.head, facts.base) == (source, branch, body["base"]):  # fmt: skip
            message = f"A pull request already exists for {source.owner.login}:{branch}."
            raise invalid("PullRequest", "custom", message=message)
    facts = Proposal(body["base"], base, branch, head, source, bool(body.get("draft")), 0)
    if source is not repo:
        repo.git.run("fetch", "-q", "--no-tags", str(source.path), head)
    if repo.git.count(f"{base}..{head}") == 0:
        message = f"No commits between {body['base']} and {body['head']}"
        raise invalid("PullRequest", "custom", message=message)
    title = body.get("title") or repo.items[body["issue"]].title
    made = Item(call.github.new_id(), repo.next_number(), title, body.get("body"), call.user,
                call.app_id, pull=facts)  # fmt: skip
    repo.items[made.number] = made
    pushes.refresh(call.github, repo, made)
    _emit(call, made, "opened")
    return shapes.pull(call.github, repo, made)


@operation("pulls/update", "pull_requests", anyone=True)
def update(call: Call) -> Any:
    item, body = call.item(pull=True), call.body
    facts = item.pull
    assert facts is not None
    if item.user != call.user and not call.github.writes(call.token, call.repo):
        raise Refused(403, "Must have admin rights to Repository.")
    too_long("PullRequest", "body", body.get("body"))
    edited = {}
    for key in ("title", "body"):
        if key in body and getattr(item, key) != body[key]:
            edited[key] = {"from": getattr(item, key) or ""}
            setattr(item, key, body[key])
    if body.get("base", facts.base) != facts.base:
        if call.repo.head(body["base"]) is None:
            raise invalid("PullRequest", "invalid", field="base")
        edited["base"] = {"ref": {"from": facts.base}, "sha": {"from": facts.base_sha}}
        facts.base = body["base"]
        pushes.refresh(call.github, call.repo, item)
    item.updated = now()
    if edited:
        _emit(call, item, "edited", changes=edited)
    if body.get("state") == "closed" and item.closed is None:
        pushes.close(call.github, call.repo, item, call.token)
    elif body.get("state") == "open" and item.closed is not None:
        source = facts.head_repository
        head = source.head(facts.head) if source else None
        if facts.merged_at or head is None:
            raise invalid("PullRequest", "invalid", field="state")
        item.closed, facts.head_sha = None, head
        pushes.refresh(call.github, call.repo, item)
        _emit(call, item, "reopened")
    return shapes.pull(call.github, call.repo, item)


@operation("pulls/list-files", "pull_requests")
def files(call: Call) -> Any:
    item = call.item(pull=True)
    facts, git = item.pull, call.repo.git
    assert facts is not None
    base = git.merge_base(facts.base_sha, facts.head_sha) or facts.base_sha
    changed = git.differences(base, facts.head_sha)[:_MOST_FILES]
    return Listing(changed, lambda change: git_shapes.file(call.repo, change, facts.head_sha))


@operation("pulls/list-commits", "pull_requests")
def commits(call: Call) -> Any:
    facts = call.item(pull=True).pull
    assert facts is not None
    found = call.repo.git.log("--reverse", f"{facts.base_sha}..{facts.head_sha}")[:_MOST_COMMITS]
    return Listing(found, lambda commit: git_shapes.commit(call.github, call.repo, commit))


@operation("pulls/check-if-merged", "contents")
def is_merged(call: Call) -> Any:
    facts = call.item(pull=True).pull
    if facts is None or facts.merged_at is None:
        raise Refused(404, "Not Found")


@operation("pulls/merge", "contents")
def merge(call: Call) -> Any:
    repo, git, body = call.repo, call.repo.git, call.body
    item = call.item(pull=True)
    facts = item.pull
    assert facts is not None
    if body.get("sha") and body["sha"] != facts.head_sha:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    base = repo.head(facts.base)
    if item.closed or base is None:
        raise Refused(405, "Pull Request is not mergeable")
    if facts.draft:
        raise Refused(405, "Pull Request is still a draft")
    _rules(call, item)
    tree = git.merged_tree(base, facts.head_sha)
    if tree is None:
        raise Refused(405, "Pull Request is not mergeable")
    method = body.get("merge_method", "merge")
    title = body.get("commit_title") or _title(item, method)
    text = body.get("commit_message", item.title if method == "merge" else item.body or "")
    parents = [base, facts.head_sha] if method == "merge" else [base]
    who = identity_of(call, item, method)
    made = git.commit_tree(tree, parents, f"{title}\n\n{text}".rstrip() + "\n", who)
    ref = f"refs/heads/{facts.base}"
    changes.check(call, ref, made, base, merging=True)
    facts.merged_at, facts.merged_by, facts.merge_sha = now(), call.user, made
    facts.base_sha = base
    pushes.close(call.github, repo, item, call.token)
    changes.move(call, ref, made, base, merging=True)
    if facts.base == repo.default_branch:
        for number in map(int, _CLOSES.findall(item.body or "")):
            other = repo.items.get(number)
            if other and other.pull is None and other.closed is None:
                other.reason = "completed"
                pushes.close(call.github, repo, other, call.token)
    return {"sha": made, "merged": True, "message": "Pull Request successfully merged"}


def identity_of(call: Call, item: Item, method: str) -> dict[str, str]:
    """Return who a merge commit is by: a squash is by who proposed it."""
    author = item.user if method == "squash" else call.user
    return pushes.identity(author, call.github.user("web-flow", 19864447))


def _title(item: Item, method: str) -> str:
    if method == "squash":
        return f"{item.title} (#{item.number})"
    facts = item.pull
    assert facts is not None
    owner = facts.head_repository.owner.login if facts.head_repository else "unknown"
    return f"Merge pull request #{item.number} from {owner}/{facts.head}"


def _rules(call: Call, item: Item) -> None:
    facts = item.pull
    assert facts is not None
    rules = call.repo.protections.get(facts.base)
    if rules is None or call.user.login in rules.bypass:
        return
    if rules.approvals:
        raise Refused(405, f"At least {rules.approvals} approving review is required by reviewers with write access.")  # fmt: skip
    for name, app in rules.checks.items():
        found = [
            check for check in call.repo.checks_of(facts.head_sha)
            if check.facts["name"] == name and app in {None, check.app_id}
        ]  # fmt: skip
        good = bool(found) and found[-1].facts["conclusion"] in {"success", "neutral", "skipped"}
        latest = next((s for s in call.repo.statuses if s.sha == facts.head_sha and s.context == name), None)  # fmt: skip
        if not good and (app is not None or latest is None or latest.state != "success"):
            state = "failing" if found and found[-1].facts["conclusion"] else "expected"
            raise Refused(405, f'Required status check "{name}" is {state}.')


def _emit(call: Call, item: Item, action: str, **more: Any) -> None:
    shape = shapes.pull(call.github, call.repo, item)
    call.emit("pull_request", action=action, number=item.number, pull_request=shape, **more)
