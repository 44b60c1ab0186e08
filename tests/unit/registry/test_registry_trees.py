from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from neurocaas_ci.errors import FindingsError, UsageError
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import between, merge_base, of_entries, published
from neurocaas_ci.registry.folder import FolderTree
from neurocaas_ci.registry.git import GitTree, head_commit

_IDENTITY = {
    "GIT_AUTHOR_NAME": "T",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "T",
    "GIT_COMMITTER_EMAIL": "t@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_DATE": "2026-11-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-11-01T00:00:00Z",
}


class Repo:
    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main", *options)

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **_IDENTITY},
        ).stdout.strip()

    def commit(self, message: str = "x") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def _fill(repo: Repo) -> None:
    repo.write("registry/users/ada.yaml", "x: 1\n")
    repo.write("registry/users/ünï code.yaml", "x: 2\n")
    repo.write("iae/demo/bin/run", b"\x00\xffbinary\n\n")
    (repo.root / "iae/demo/bin/run").chmod(0o755)
    repo.write("a b/c\td.txt", "odd names")
    (repo.root / "registry/link.yaml").symlink_to("users/ada.yaml")
    (repo.root / "linked").symlink_to("iae")
    (repo.root / "dangling").symlink_to("/nowhere")
    repo.write("registry-not", "beside")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_commit_and_its_checkout_are_the_same_tree(tmp_path: Path, algorithm: str) -> None:
    repo = Repo(tmp_path / "repo", f"--object-format={algorithm}")
    _fill(repo)
    repo.commit()
    folder = FolderTree(repo.root, algorithm=algorithm)
    with GitTree(repo.root) as tree:
        assert tree.entries() == folder.entries()
        for prefix in (
            "registry",
            "registry/",
            "iae/demo",
            "registry/link.yaml",
            "linked",
            "no",
            "..",
        ):
            assert tree.entries(prefix) == folder.entries(prefix), prefix
        for entry in tree.entries():
            assert tree.read(entry.path) == folder.read(entry.path), entry
        assert tree.read("iae/demo/bin/run") == b"\x00\xffbinary\n\n"
        listed = repo.git("-c", "core.quotePath=false", "ls-tree", "-r", "-z", "HEAD").split("\0")
        ours = [f"{e.mode} blob {e.blob}\t{e.path}" for e in tree.entries()]
        assert sorted(ours) == sorted(filter(None, listed))


@pytest.mark.parametrize(
    "path",
    [
        "registry/link.yaml",
        "linked/demo/bin/run",
        "dangling",
        "registry",
        "",
        "/etc/passwd",
        "../repo/registry-not",
        "registry/../registry-not",
        "./registry-not",
        "registry//users/ada.yaml",
        ".git/HEAD",
        "registry-not\n",
        "HEAD:registry-not",
        "nul\0",
        "x" * 5000,
    ],
)
def test_what_is_no_regular_file_of_the_tree_is_not_read(repo: Repo, path: str) -> None:
    _fill(repo)
    repo.commit()
    assert FolderTree(repo.root).read(path) is None
    with GitTree(repo.root) as tree:
        assert tree.read(path) is None
        assert tree.read("registry-not") == b"beside"


def test_a_limit_bounds_what_is_read_and_the_next_read_is_whole(repo: Repo) -> None:
    repo.write("big", b"x" * 3_000_000)
    repo.write("small", b"y")
    repo.commit()
    with GitTree(repo.root) as tree:
        assert tree.read("big", 10) == b"x" * 11
        assert tree.read("small", 10) == b"y"
        assert tree.read("big", 0) == b"x"
        assert tree.read("big") == b"x" * 3_000_000
    assert FolderTree(repo.root).read("big", 10) == b"x" * 11


def test_a_tree_is_read_as_committed_whatever_lies_in_the_folder(repo: Repo) -> None:
    repo.write("a", "old")
    first = repo.commit()
    repo.write("a", "new")
    second = repo.commit()
    repo.write("a", "draft")
    bare = repo.root.parent / "bare.git"
    repo.git("clone", "-q", "--bare", ".", str(bare))
    with GitTree(bare, first) as one, GitTree(bare, "main") as two:
        assert (one.commit, two.commit) == (first, second)
        assert (one.read("a"), two.read("a")) == (b"old", b"new")


def test_replacement_objects_do_not_change_a_commit(repo: Repo) -> None:
    repo.write("a", "old")
    first = repo.commit()
    repo.write("a", "evil")
    repo.git("replace", first, repo.commit())
    with GitTree(repo.root, first) as tree:
        assert tree.read("a") == b"old"


def test_the_git_process_ends_with_the_tree(repo: Repo) -> None:
    repo.write("a", "x")
    repo.commit()
    with GitTree(repo.root) as tree:
        process = tree._git._process
        assert process.poll() is None
    assert process.returncode is not None
    tree.close()


@pytest.mark.parametrize("rev", ["nope", "--help", "HEAD~5", "", "-x", "HEAD:a", "a\nb"])
def test_an_unknown_commit_is_explained(repo: Repo, rev: str) -> None:
    repo.write("a", "x")
    repo.commit()
    with pytest.raises(UsageError, match="no commit named"):
        head_commit(repo.root, rev)
    with pytest.raises(UsageError, match="no commit named"):
        GitTree(repo.root, rev)


@pytest.mark.parametrize("rev", ["main", "HEAD", "refs/heads/main", "v1", "HEAD~0", "HEAD@{0}"])
def test_whatever_names_a_commit(repo: Repo, rev: str) -> None:
    repo.write("a", "x")
    commit = repo.commit()
    repo.git("tag", "-a", "-m", "first", "v1")
    with GitTree(repo.root, rev) as tree, GitTree(repo.root, commit[:12]) as short:
        assert tree.commit == short.commit == commit
        assert tree.read("a") == b"x"


def test_trees_can_share_a_git_process(repo: Repo) -> None:
    repo.write("a", "old")
    first = repo.commit()
    repo.write("a", "new")
    repo.commit()
    with GitTree(repo.root) as head:
        with head.at(first) as before:
            assert before.read("a") == b"old"
        assert head.read("a") == b"new"


def test_what_is_no_repository_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read a repository"):
        GitTree(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        FolderTree(tmp_path / "none")


def test_a_tree_of_billions_of_copies_is_refused(repo: Repo) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", "--", "/dev/null")
    kind, name = "100644 blob", blob.split("\n")[0]
    for _ in range(8):
        listing = "".join(f"{kind} {name}\tf{i:02}\n" for i in range(20))
        name = subprocess.run(
            ["git", "-C", str(repo.root), "mktree"],
            input=listing,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        kind = "040000 tree"
    commit = repo.git("commit-tree", "-m", "bomb", name)
    with GitTree(repo.root, commit) as tree, pytest.raises(UsageError, match="more than"):
        tree.entries()


def test_a_folder_lists_what_git_cannot_hold_and_skips_byte_code(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_bytes(b"x")
    tree = FolderTree(tmp_path)
    assert [(e.path, e.mode, e.blob) for e in tree.entries()] == [("pipe", "000000", "")]
    assert tree.read("pipe") is None


def test_changes_between_commits_name_status_modes_and_renames(repo: Repo) -> None:
    repo.write("kept", "k" * 100)
    repo.write("changed", "1")
    repo.write("gone", "gone " * 50)
    repo.write("old name", "".join(f"line {i}\n" for i in range(50)))
    repo.write("turned", "t")
    base = repo.commit()
    repo.write("changed", "2")
    (repo.root / "gone").unlink()
    (repo.root / "old name").rename(repo.root / "new\tname")
    (repo.root / "turned").unlink()
    (repo.root / "turned").symlink_to("kept")
    repo.write("added", "a")
    (repo.root / "kept").chmod(0o755)
    head = repo.commit()
    changes = between(repo.root, base, head)
    assert [(c.path, c.status, c.old_mode, c.mode, c.old_path) for c in changes] == [
        ("added", "added", "000000", "100644", None),
        ("changed", "modified", "100644", "100644", None),
        ("gone", "deleted", "100644", "000000", None),
        ("kept", "modified", "100644", "100755", None),
        ("new\tname", "renamed", "100644", "100644", "old name"),
        ("turned", "typechange", "100644", "120000", None),
    ]
    assert between(repo.root, base, base) == ()
    with pytest.raises(UsageError, match="cannot compare"):
        between(repo.root, base, "0" * 40)
    with GitTree(repo.root, base) as before:
        ours = of_entries(before.entries(), FolderTree(repo.root).entries())
    assert {(c.path, c.status) for c in ours} == {
        *((c.path, c.status) for c in changes if c.status != "renamed"),
        ("old name", "deleted"),
        ("new\tname", "added"),
    }


def test_merge_base(repo: Repo) -> None:
    repo.write("a", "1")
    start = repo.commit()
    repo.git("checkout", "-q", "-b", "side")
    repo.write("b", "1")
    side = repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("c", "1")
    main = repo.commit()
    repo.git("checkout", "-q", "--orphan", "other")
    other = repo.commit("alone")
    assert merge_base(repo.root, main, side) == start
    assert merge_base(repo.root, main, other) is None


def test_a_version_is_published_by_the_commit_that_brought_it_to_main(repo: Repo) -> None:
    path = "registry/blueprints/demo.yaml"

    def say(version: str, more: str = "") -> None:
        repo.write(path, f"name: demo\nversion: {version}\n{more}")

    repo.write("x", "1")
    empty = repo.commit()
    repo.git("checkout", "-q", "-b", "side")
    say("1.0.0")
    on_side = repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    first = repo.git("rev-parse", "HEAD")
    repo.write("x", "2")
    repo.commit()
    say("1.1.0")
    second = repo.commit()
    say("broken: [")
    repo.commit()
    say("1.1.0", "# a comment\n")
    head = repo.commit()
    assert published(repo.root, head, "demo", "1.0.0") == first != on_side
    assert published(repo.root, head, "demo", "1.1.0") == second
    assert published(repo.root, head, "demo", first) == first
    with pytest.raises(FindingsError, match=r"no published version 1\.1\.0"):
        published(repo.root, first, "demo", "1.1.0")
    with pytest.raises(FindingsError, match=r"no published version 3\.0\.0") as caught:
        published(repo.root, head, "demo", "3.0.0")
    assert "1.1.0, 1.0.0" in caught.value.hint
    with pytest.raises(FindingsError, match="does not hold"):
        published(repo.root, head, "demo", empty)
    with pytest.raises(FindingsError, match="not part of the published history"):
        published(repo.root, first, "demo", second)
    with pytest.raises(FindingsError, match="not part of the published history"):
        published(repo.root, head, "demo", "0" * 40)


def test_a_registry_loads_a_file_once_and_knows_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "registry/users").mkdir(parents=True)
    file = tmp_path / "registry/users/ada.yaml"
    file.write_text(
        "schema: neurocaas/user/v1\nlogin: ada\nforge_id: 1\nname: Ada\nbudget_usd: 1\n"
    )
    registry = Registry(FolderTree(tmp_path))
    loaded = registry.user("ada")
    assert loaded.value is not None
    assert loaded.value.budget_usd == 1.0
    assert loaded.document.locate(["name"]).line == 4
    file.unlink()
    assert registry.user("ada") is loaded
    for name in ("nobody", "../users/ada", "", "a/b", "x\0"):
        missing = registry.user(name)
        assert (missing.value, missing.exists) == (None, False)
        assert [f.rule for f in missing.findings] == ["NC-F001"]


def test_the_registry_of_this_repository_is_valid() -> None:
    registry = Registry(FolderTree(Path(__file__).parents[3]))
    assert {"laptop", "m5.large", "m5.xlarge", "m5.4xlarge", "m5.16xlarge"} <= set(
        registry.hardware_ids()
    )
    assert {"ada", "grace"} <= set(registry.users())
    for name in registry.hardware_ids():
        assert registry.hardware(name).findings == ()
    for name in registry.users():
        assert registry.user(name).findings == ()
    for name in registry.groups():
        assert registry.group(name).findings == ()
