"""Whatever happens to the index, the answers are those of git."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from ledger_world import ENV, World, blueprint, certificate, job_path, manifest, user

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.ledger.books import Books
from neurocaas_ci.ledger.lock import index_path
from neurocaas_ci.model.ledger import Account
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.model.places import certificate_path

ADA, LAB = Account("user", "ada"), Account("group", "lab")


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.start()
    first = world.job("one", 4, group="lab")
    world.job("two", 5, group="lab")
    world.job("three", 2)
    world.certify(first, 1.5)
    return world


def answers(world, commit=None, cache=None, said=None):
    """Return all that the books say at a commit."""
    commit = commit or world.git("rev-parse", "HEAD")
    say = None if said is None else said.append
    with Books.open(world.repo, commit, cache, say=say) as books:
        return {
            account: (books.balance(account), list(books.entries(account)))
            for account in books.accounts()
        }, [books.refusal(f"ada/2026-11/{name}") for name in ("one", "two", "three", "none")]


def index_of(world):
    return index_path(world.repo, world.cache)


def test_the_index_gives_what_git_gives(world):
    truth = answers(world)
    assert answers(world, cache=world.cache) == truth
    assert index_of(world).exists()
    assert answers(world, cache=world.cache) == truth
    balance, entries = truth[0][ADA]
    assert balance.spent == microdollars(1.5)
    assert balance.reserved == microdollars(5)
    assert [entry.what for entry in entries] == [
        "budget", "reserved", "reserved", "refused", "concluded",
    ]  # fmt: skip
    assert "user ada has 1.00 USD of 10.00 USD left" in truth[1][2]


def test_older_commits_and_new_ones(world):
    commits = world.git("rev-list", "--reverse", "HEAD").split()
    answers(world, cache=world.cache)
    for commit in commits:
        assert answers(world, commit, world.cache) == answers(world, commit)
    world.commit({"registry/users/ada.yaml": user("ada", 50)})
    assert answers(world, cache=world.cache) == answers(world)


def test_a_side_commit_is_answered_and_never_kept(world):
    answers(world, cache=world.cache)
    before = index_of(world).read_bytes()
    world.git("checkout", "-q", "-b", "side", "HEAD~1")
    world.commit({"registry/users/ada.yaml": user("ada", 77)})
    job = world.job("aside", 3)
    side = world.git("rev-parse", "HEAD")
    world.git("checkout", "-q", "main")
    assert answers(world, side, world.cache) == answers(world, side)
    with Books.open(world.repo, side, world.cache) as books:
        assert books.decision(job).admitted
        assert books.balance(ADA).cap == microdollars(77)
    assert index_of(world).read_bytes() == before
    assert answers(world, cache=world.cache) == answers(world)
    # Merged later, its commits stay what they are: not on the line of first parents.
    world.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert answers(world, cache=world.cache) == answers(world)
    assert answers(world, side, world.cache) == answers(world, side)


def test_a_rewritten_main(world):
    answers(world, cache=world.cache)
    lost = world.git("rev-parse", "HEAD")
    world.git("reset", "-q", "--hard", "HEAD~3")
    world.commit({"registry/users/ada.yaml": user("ada", 33)})
    world.job("three", 9)
    assert answers(world, cache=world.cache) == answers(world)
    assert answers(world, lost, world.cache) == answers(world, lost)


def test_another_repository_in_the_same_place(world, tmp_path):
    answers(world, cache=world.cache)
    shutil.rmtree(world.repo)
    other = World(tmp_path / "other")
    other.start(ada=99)
    shutil.copytree(other.repo, world.repo)
    assert answers(world, cache=world.cache) == answers(world)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a database" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:100] + bytes(4000)),
        lambda path: _sql(path, "PRAGMA user_version = 7"),
        lambda path: _sql(path, "PRAGMA application_id = 7"),
        lambda path: _sql(path, "DROP TABLE entries"),
        lambda path: _sql(path, "UPDATE entries SET spent = spent + 1"),
        lambda path: _sql(path, "UPDATE jobs SET short = ''"),
        lambda path: _sql(path, "UPDATE commits SET id = 'x' WHERE position = 2"),
    ],
    ids=["empty", "text", "cut", "zeros", "older", "foreign", "table", "amount", "verdict", "id"],
)
def test_a_damaged_index_is_never_believed(world, damage):
    truth = answers(world)
    answers(world, cache=world.cache)
    damage(index_of(world))
    assert answers(world, cache=world.cache) == truth
    world.commit({"registry/users/ada.yaml": user("ada", 12)})
    assert answers(world, cache=world.cache) == answers(world)


def _sql(path, statement):
    import sqlite3

    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


def test_random_damage(world):
    truth = answers(world)
    answers(world, cache=world.cache)
    sound = index_of(world).read_bytes()
    chooser = random.Random(4)
    for _ in range(60):
        data = bytearray(sound)
        for _ in range(chooser.choice((1, 3, 50))):
            data[chooser.randrange(len(data))] = chooser.randrange(256)
        index_of(world).write_bytes(data)
        assert answers(world, cache=world.cache) == truth


def test_a_cache_that_cannot_be_written(world, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = []
    assert answers(world, cache=tmp_path / "file", said=said) == answers(world)
    assert "not used" in said[0]
    index_of(world).mkdir(parents=True)
    said = []
    assert answers(world, cache=world.cache, said=said) == answers(world)
    assert "not used" in said[0]


def test_a_shallow_clone_says_so(world, tmp_path):
    world.git("clone", "-q", "--depth", "1", f"file://{world.repo}", str(tmp_path / "shallow"))
    world.repo = tmp_path / "shallow"
    with pytest.raises(BackendUnavailableError, match="lacks the beginning"):
        answers(world)


def test_configuration_and_replacements_change_nothing(world):
    truth = answers(world)
    for key, value in (
        ("log.showRoot", "false"), ("log.showSignature", "true"), ("diff.renames", "copies"),
        ("log.follow", "true"), ("log.decorate", "full"), ("color.ui", "always"),
        ("diff.noprefix", "true"), ("format.pretty", "full"), ("log.diffMerges", "off"),
    ):  # fmt: skip
        world.git("config", key, value)
    head = world.git("rev-parse", "HEAD")
    world.git("replace", head, world.git("rev-parse", "HEAD~2"))
    assert answers(world, head) == truth


FAST = """
import sys
from pathlib import Path
from neurocaas_ci.ledger.books import Books
from neurocaas_ci.model.ledger import Account
with Books.open(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])) as books:
    print(books.balance(Account("user", "ada")))
"""


def _long(world, count):
    """Write a long history quickly; return the newest commit."""
    lines = []
    import yaml

    for n in range(count):
        name = f"job-{n}"
        files = {job_path(name): yaml.safe_dump(manifest(name, max_runtime="36s"))}
        if n % 2:
            job = f"ada/2026-11/job-{n - 1}"
            files[certificate_path(job)] = certificate(job, 0.001)
        lines.append("commit refs/heads/main\n")
        lines.append(f"committer ada <ada@example.org> {1_796_000_000 + n} +0000\ndata 1\nx\n")
        if not n:
            lines.append("from refs/heads/main^0\n")
        for path, text in files.items():
            lines.append(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n")
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=world.repo, env=ENV, check=True,
        input="".join(lines).encode(),
    )  # fmt: skip
    return world.git("rev-parse", "refs/heads/main")


def _start(world, head):
    return subprocess.Popen(
        [sys.executable, "-c", FAST, str(world.repo), head, str(world.cache)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_killed_while_indexing(world):
    head = _long(world, 2500)
    truth = answers(world, head)
    kept = []
    for delay in (0.15, 0.3, 0.5, 0.7):
        process = _start(world, head)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        kept.append(index_of(world).exists())
    assert answers(world, head, world.cache) == truth


def test_many_at_once(world):
    head = _long(world, 1500)
    truth = answers(world, head)[0][ADA][0]
    processes = [_start(world, head) for _ in range(4)]
    for process in processes:
        out, err = process.communicate(timeout=100)
        assert out.strip() == str(truth), err
    assert answers(world, head, world.cache)[0][ADA][0] == truth


def test_a_price_is_that_of_the_merge(world):
    world.commit({"registry/blueprints/probe.yaml": blueprint("1.1.0", runtime="2h")})
    job = world.job("pinned", 1, version="1.0.0", login="grace")
    with Books.open(world.repo, world.git("rev-parse", "HEAD"), None) as books:
        assert books.reservation(job).maximum == microdollars(1)
        assert books.published("probe", "1.1.0") == world.git("rev-parse", "HEAD~1")
        assert books.published("probe", "1.0.0") == world.git("rev-list", "--max-parents=0", "HEAD")
        assert books.published("probe", "3.0.0") is None
