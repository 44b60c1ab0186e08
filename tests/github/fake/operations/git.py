"""The git database: refs, blobs, trees and commits."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from fake import changes, git_shapes
from fake.calls import Call, Listing, Refused, operation
from fake.plumbing import ZERO
from fake.pushes import identity


@operation("git/get-ref", "contents")
def get_ref(call: Call) -> Any:
    name = "refs/" + call.params["ref"]
    return git_shapes.ref(call.repo, name, _ref(call, name))


@operation("git/list-matching-refs", "contents")
def matching(call: Call) -> Any:
    start = "refs/" + call.params["ref"]
    found = [(ref, sha) for ref, sha in call.repo.git.refs().items() if ref.startswith(start)]
    return Listing(found, lambda pair: git_shapes.ref(call.repo, *pair))


@operation("git/create-ref", "contents")
def create_ref(call: Call) -> Any:
    name, sha = call.body["ref"], call.body["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:
        raise Refused(422, "Reference name must start with 'refs/' and contain at least three slashes")  # fmt: skip
    if call.repo.git.ask("check-ref-format", name) is None or name.startswith("refs/pull/"):
        raise Refused(422, f"{name} is not a valid ref name.")
    if call.repo.git.ask("rev-parse", "-q", "--verify", name):
        raise Refused(422, "Reference already exists")
    if call.repo.git.kind(sha) is None:
        raise Refused(422, "Object does not exist")
    changes.move(call, name, sha, ZERO)
    return git_shapes.ref(call.repo, name, sha)


@operation("git/update-ref", "contents")
def update_ref(call: Call) -> Any:
    name, sha = "refs/" + call.params["ref"], call.body["sha"]
    try:
        old = _ref(call, name)
    except Refused:
        raise Refused(422, "Reference does not exist") from None
    if call.repo.git.kind(sha) is None:
        raise Refused(422, "Object does not exist")
    if not call.body.get("force", False) and not call.repo.git.contains(sha, old):
        raise Refused(422, "Update is not a fast forward")
    changes.move(call, name, sha, old)
    return git_shapes.ref(call.repo, name, sha)


@operation("git/delete-ref", "contents")
def delete_ref(call: Call) -> Any:
    name = "refs/" + call.params["ref"]
    try:
        old = _ref(call, name)
    except Refused:
        raise Refused(422, "Reference does not exist") from None
    changes.move(call, name, ZERO, old)


@operation("git/create-blob", "contents")
def create_blob(call: Call) -> Any:
    text = call.body["content"]
    try:
        data = base64.b64decode(text) if call.body.get("encoding") == "base64" else text.encode()
    except binascii.Error:
        raise Refused(422, "content is not valid Base64") from None
    sha = call.repo.git.write_blob(data)
    return {"url": f"{call.repo.url}/git/blobs/{sha}", "sha": sha}


@operation("git/get-blob", "contents")
def get_blob(call: Call) -> Any:
    sha = call.params["file_sha"]
    if call.repo.git.kind(sha) != "blob":
        raise Refused(404, "Not Found")
    data = call.repo.git.blob(sha)
    return {
        "sha": sha, "node_id": f"B_{sha}", "size": len(data), "encoding": "base64",
        "url": f"{call.repo.url}/git/blobs/{sha}", "content": base64.encodebytes(data).decode(),
    }  # fmt: skip


@operation("git/create-tree", "contents")
def create_tree(call: Call) -> Any:
    git, base = call.repo.git, call.body.get("base_tree")
    index = {"GIT_INDEX_FILE": str(call.repo.path / f"index-{call.github.new_id()}")}
    try:
        git.run("read-tree", *([base] if base else ["--empty"]), env=index)
        lines = []
        for entry in call.body["tree"]:
            path, sha = entry["path"], entry.get("sha")
            if "content" in entry:
                sha = git.write_blob(entry["content"].encode())
            if sha is None:
                lines.append(f"0 {ZERO}\t{path}")
            elif git.kind(sha) is None and entry.get("mode") != "160000":
                raise Refused(422, f"tree.sha {sha} is not a valid {entry.get('type', 'blob')}")
            elif git.kind(sha) == "tree":
                git.run("read-tree", f"--prefix={path}/", sha, env=index)
            else:
                lines.append(f"{entry.get('mode', '100644')} {sha}\t{path}")
        git.run("update-index", "-z", "--index-info", data="".join(x + "\0" for x in lines).encode(), env=index)  # fmt: skip
        return _tree(call, git.run("write-tree", env=index))
    finally:
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)


@operation("git/get-tree", "contents")
def get_tree(call: Call) -> Any:
    name = call.params["tree_sha"]
    commit = call.repo.git.commit_of(name)
    sha = call.repo.git.ask("rev-parse", "-q", "--verify", f"{commit or name}^{{tree}}")
    if sha is None:
        raise Refused(404, "Not Found")
    return _tree(call, sha, *(["-r", "-t"] if "recursive" in call.query else []))


@operation("git/create-commit", "contents")
def create_commit(call: Call) -> Any:
    git, body = call.repo.git, call.body
    if git.kind(body["tree"]) != "tree":
        raise Refused(422, "Tree SHA does not exist")
    for parent in body.get("parents", []):
        if git.kind(parent) != "commit":
            raise Refused(422, "Parent SHA does not exist or is not a commit object")
    env = identity(call.user)
    for who in ("author", "committer"):
        # Who is not named is as the other one.
        given = body.get(who) or body.get("author") or {}
        for key, name in (("name", "NAME"), ("email", "EMAIL"), ("date", "DATE")):
            if key in given:
                env[f"GIT_{who.upper()}_{name}"] = given[key]
    sha = git.commit_tree(body["tree"], body.get("parents", []), body["message"], env)
    return git_shapes.git_commit(call.repo, git.log("-1", sha)[0])


@operation("git/get-commit", "contents")
def get_commit(call: Call) -> Any:
    sha = call.params["commit_sha"]
    if call.repo.git.kind(sha) != "commit":
        raise Refused(404, "Not Found")
    return git_shapes.git_commit(call.repo, call.repo.git.log("-1", sha)[0])


def _ref(call: Call, name: str) -> str:
    # Only by its whole name: `rev-parse` would take `main~1` for one too.
    found = call.repo.git.ask("show-ref", "--verify", "--hash", name)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _tree(call: Call, sha: str, *options: str) -> Any:
    entries = []
    for mode, kind, entry, size, path in call.repo.git.entries(sha, *options):
        url = f"{call.repo.url}/git/{kind}s/{entry}"
        entries.append({"path": path, "mode": mode, "type": kind, "sha": entry, "url": url, **({} if size is None else {"size": size})})  # fmt: skip
    url = f"{call.repo.url}/git/trees/{sha}"
    return {"sha": sha, "url": url, "tree": entries[:100_000], "truncated": len(entries) > 100_000}
