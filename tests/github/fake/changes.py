"""Who may move a branch through the API: the rules of branches, and of workflow files."""

from __future__ import annotations

from .calls import Call, Refused
from .plumbing import ZERO

_WORKFLOWS = ".github/workflows/"


def move(call: Call, ref: str, new: str, old: str, *, merging: bool = False) -> None:
    """Move a ref, and do what follows; `new` or `old` is zero for one that goes or comes."""
    check(call, ref, new, old, merging=merging)
    command = ("-d", ref, old) if new == ZERO else (ref, new, old)
    call.repo.git.run("update-ref", *command)
    call.github.settle(call.repo, call.token)


def check(call: Call, ref: str, new: str, old: str, *, merging: bool = False) -> None:
    """Refuse what the rules of the branch or the permissions of the token do not allow."""
    branch = ref.removeprefix("refs/heads/")
    rules = call.repo.protections.get(branch) if branch != ref else None
    if rules and not merging and call.user.login not in rules.bypass:
        status = 409 if call.operation.startswith("repos/") else 422
        raise Refused(status, "Repository rule violations found\n\nChanges must be made through a pull request.\n\n")  # fmt: skip
    if new != ZERO:
        _workflows(call, new, old)


def _workflows(call: Call, new: str, old: str) -> None:
    token, git = call.token, call.repo.git
    if token is None or token.permissions is None or token.may("workflows", "write"):
        return
    main = git.commit_of(call.repo.default_branch)
    since = old if old != ZERO else (git.merge_base(main, new) if main else None)
    since = since or git.run("hash-object", "-t", "tree", "/dev/null")
    for change in git.differences(since, new):
        for path in (change.path, change.old_path or ""):
            if path.startswith(_WORKFLOWS):
                kind = "a GitHub App" if token.app else "a Personal Access Token"
                scope = "permission" if token.app else "scope"
                raise Refused(403, f"refusing to allow {kind} to create or update workflow `{path}` without `workflows` {scope}")  # fmt: skip
