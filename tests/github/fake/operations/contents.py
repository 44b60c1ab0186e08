"""Commits, comparisons, and files by their path."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fake import changes, git_shapes
from fake.calls import Call, Listing, Refused, Reply, operation
from fake.plumbing import ZERO, Commit
from fake.pushes import identity

_MOST_FILES = 300
_MOST_COMMITS = 250
_MOST_ENTRIES = 1000
_INLINE = 1 << 20


@operation("repos/list-commits", "contents")
def commits(call: Call) -> Any:
    start = call.commit(call.query.get("sha") or call.repo.default_branch)
    path = call.query.get("path")
    found = call.repo.git.log(start, *(["--full-history"] if path else []))
    if path:
        kept = set(call.repo.git.run("rev-list", start, "--", path).split())
        found = [commit for commit in found if commit.sha in kept]
    return Listing(found, lambda commit: git_shapes.commit(call.github, call.repo, commit))


@operation("repos/get-commit", "contents")
def commit(call: Call) -> Any:
    sha = call.commit(call.params["ref"])
    found = call.repo.git.log("-1", sha)[0]
    parent = found.parents[0] if found.parents else _nothing(call)
    files = call.repo.git.differences(parent, sha)
    added, deleted = sum(f.additions for f in files), sum(f.deletions for f in files)
    return {
        **git_shapes.commit(call.github, call.repo, found),
        "stats": {"additions": added, "deletions": deleted, "total": added + deleted},
        "files": [git_shapes.file(call.repo, change, sha) for change in files[:_MOST_FILES]],
    }  # fmt: skip


@operation("repos/compare-commits-with-basehead", "contents")
def compare(call: Call) -> Any:
    names = call.params["basehead"].split("...")
    if len(names) != 2:
        raise Refused(404, "Not Found")
    git = call.repo.git
    base, head = (_named(call, name) for name in names)
    merge_base = git.merge_base(base, head)
    if merge_base is None:
        raise Refused(404, f"No common ancestor between {names[0]} and {names[1]}.")
    ahead, behind = git.count(f"{base}..{head}"), git.count(f"{head}..{base}")
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    listed = git.log("--reverse", f"{base}..{head}")[:_MOST_COMMITS]
    url = f"{call.repo.url}/compare/{call.params['basehead']}"

    def build(found: Commit) -> Any:
        return git_shapes.commit(call.github, call.repo, found)

    html = f"{call.repo.html_url}/compare/{call.params['basehead']}"
    return {
        "url": url, "html_url": html, "permalink_url": html, "diff_url": html + ".diff",
        "patch_url": html + ".patch", "base_commit": build(git.log("-1", base)[0]),
        "merge_base_commit": build(git.log("-1", merge_base)[0]),
        "status": status.get((ahead > 0, behind > 0), "diverged"), "ahead_by": ahead,
        "behind_by": behind, "total_commits": ahead, "commits": [build(one) for one in listed],
        "files": [
            git_shapes.file(call.repo, change, head)
            for change in git.differences(merge_base, head)[:_MOST_FILES]
        ],
    }  # fmt: skip


@operation("repos/get-content", "contents")
def content(call: Call) -> Any:
    sha = call.repo.git.commit_of(call.query.get("ref") or call.repo.default_branch)
    if sha is None:
        raise Refused(404, f"No commit found for the ref {call.query.get('ref')}")
    path = call.params.get("path", "").strip("/")
    found = call.repo.git.object_at(sha, path)
    if found is None:
        raise Refused(404, "Not Found")
    ref = call.query.get("ref") or call.repo.default_branch
    if call.repo.git.kind(found) != "tree":
        data = call.repo.git.blob(found)
        entry = _entry(call, "file", found, path, len(data), ref)
        # What is larger is only to be had as a blob.
        small = len(data) <= _INLINE
        text = base64.encodebytes(data).decode() if small else ""
        return {**entry, "content": text, "encoding": "base64" if small else "none"}
    entries = []
    for mode, kind, entry_sha, size, name in call.repo.git.entries(found):
        shown = {"tree": "dir", "commit": "submodule"}.get(kind, "symlink" if mode == "120000" else "file")  # fmt: skip
        full = f"{path}/{name}".strip("/")
        entries.append(_entry(call, shown, entry_sha, full, size or 0, ref))
    return entries[:_MOST_ENTRIES]


@operation("repos/create-or-update-file-contents", "contents")
def put(call: Call) -> Any:
    git, body, path = call.repo.git, call.body, call.params["path"]
    branch = body.get("branch") or call.repo.default_branch
    tip = call.repo.head(branch)
    if tip is None and git.refs():
        raise Refused(404, f"Branch {branch} not found")
    present = git.object_at(tip, path) if tip else None
    if present and not body.get("sha"):
        raise Refused(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if body.get("sha") and body["sha"] != present:
        raise Refused(409, f"{path} does not match {body['sha']}")
    try:
        blob = git.write_blob(base64.b64decode(body["content"]))
    except binascii.Error:
        raise Refused(422, "content is not valid Base64") from None
    index = {"GIT_INDEX_FILE": str(call.repo.path / f"index-{call.github.new_id()}")}
    try:
        git.run("read-tree", *([tip] if tip else ["--empty"]), env=index)
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        tree = git.run("write-tree", env=index)
    finally:
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
    sha = git.commit_tree(tree, [tip] if tip else [], body["message"], identity(call.user))
    changes.move(call, f"refs/heads/{branch}", sha, tip or ZERO)
    made = git_shapes.git_commit(call.repo, git.log("-1", sha)[0])
    entry = _entry(call, "file", blob, path, len(git.blob(blob)), branch)
    return Reply(200 if present else 201, {"content": entry, "commit": made})


def _named(call: Call, name: str) -> str:
    """Return the commit of `branch`, or of `owner:branch` in a fork."""
    owner, _, branch = name.rpartition(":")
    source = call.repo
    if owner and owner != call.repo.owner.login:
        forks = [r for r in call.github.repositories.values() if r.parent is call.repo]
        found = [fork for fork in forks if fork.owner.login == owner]
        if not found:
            raise Refused(404, "Not Found")
        source = found[0]
    sha = source.git.commit_of(branch)
    if sha is None:
        raise Refused(404, "Not Found")
    if source is not call.repo:
        call.repo.git.run("fetch", "-q", "--no-tags", str(source.path), sha)
    return sha


def _nothing(call: Call) -> str:
    return call.repo.git.run("hash-object", "-t", "tree", "/dev/null")


def _entry(call: Call, kind: str, sha: str, path: str, size: int, ref: str) -> dict[str, Any]:
    quoted, ref = quote(path), quote(ref)
    url, git_url = f"{call.repo.url}/contents/{quoted}?ref={ref}", f"{call.repo.url}/git/blobs/{sha}"  # fmt: skip
    html = f"{call.repo.html_url}/blob/{ref}/{quoted}"
    raw = f"{call.repo.html_url}/raw/{ref}/{quoted}" if kind == "file" else None
    return {
        "type": kind, "sha": sha, "name": path.rpartition("/")[2], "path": path, "size": size,
        "url": url, "git_url": git_url, "html_url": html, "download_url": raw,
        "_links": {"self": url, "git": git_url, "html": html},
    }  # fmt: skip
