"""Books say the same of a commit however they were come by: kept, made anew, or folded by hand."""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from ledger_world import (
    ENV,
    World,
    blueprint,
    certificate,
    group,
    hardware,
    job_path,
    manifest,
    user,
)

from neurocaas_ci.ledger.books import Books
from neurocaas_ci.ledger.lock import index_path
from neurocaas_ci.model.ledger import Account, BudgetSet, JobConcluded, JobMerged, opening
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.model.places import certificate_path, job_id, replays_folder
from neurocaas_ci.plan.ledger import Ledger

USERS = ("ada", "grace")
LAB, PROBE = Account("group", "lab"), Account("blueprint", "probe")
ACCOUNTS = (*(Account("user", login) for login in USERS), LAB, PROBE)
JOBS = [job_path(name, login) for login in USERS for name in ("one", "two", "three", "four")]
BUDGET, PRICE = st.sampled_from([0, 2, 5, 12.5]), st.sampled_from([0.25, 1, 1.5])
LAW = settings(
    deadline=None, max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def _changes(path):
    """Return what may become of a file: a small description of its content, or None."""
    certified = certificate_path(job_id(path))
    replayed = f"{replays_folder(job_id(path))}/one.sigstore.json"
    job = st.tuples(
        st.just("job"), st.sampled_from([None, "lab"]), st.integers(1, 3), st.booleans()
    )
    cost = st.sampled_from([0, 0.25, 1, 2.5, 9, None])
    return st.one_of(
        st.tuples(st.just(path), st.one_of(job, job, st.none())),
        st.tuples(st.just(certified), st.one_of(st.none(), st.tuples(st.just("used"), cost))),
        st.tuples(st.just(replayed), st.tuples(st.just("used"), cost)),
    )


CHANGE = st.one_of(
    *(
        st.tuples(
            st.just(f"registry/users/{login}.yaml"),
            st.one_of(st.none(), st.tuples(st.just("budget"), BUDGET)),
        )
        for login in USERS
    ),
    st.tuples(st.just("registry/groups/lab.yaml"), st.tuples(st.just("budget"), BUDGET)),
    st.tuples(
        st.just("registry/blueprints/probe.yaml"),
        st.tuples(st.just("budget"), st.one_of(st.none(), BUDGET)),
    ),
    st.tuples(st.just("registry/hardware/dollar.yaml"), st.tuples(st.just("price"), PRICE)),
    *(st.sampled_from(JOBS).flatmap(_changes) for _ in range(6)),
)
COMMIT = st.tuples(
    st.sampled_from(["plain", "plain", "merge", "aside"]),
    st.lists(CHANGE, min_size=1, max_size=5),
)
START = {
    "registry/users/ada.yaml": ("budget", 5),
    "registry/users/grace.yaml": ("budget", 12.5),
    "registry/groups/lab.yaml": ("budget", 5),
    "registry/blueprints/probe.yaml": ("budget", None),
    "registry/hardware/dollar.yaml": ("price", 1),
}
# What chance seldom brings about: manifests and certificates that go and come back.
ONE, TWO = job_path("one"), job_path("two")
END = certificate_path(job_id(ONE))
AGAIN = [
    ("plain", [(ONE, ("job", "lab", 2, False)), (TWO, ("job", None, 3, False))]),
    ("merge", [(ONE, None), (END, ("used", 1))]),
    ("plain", [(ONE, ("job", "lab", 1, False)), (END, None)]),
    ("aside", [(certificate_path(job_id(TWO)), ("used", 9))]),
    ("merge", [(END, ("used", 2.5)), (job_path("three"), ("job", None, 1, False))]),
]


def _content(path, what):
    """Return the text of a described file."""
    name = Path(path).stem
    if path.startswith("registry/users/"):
        data = user(name, what[1])
    elif path.startswith("registry/groups/"):
        data = group(name, what[1], *USERS)
    elif path.startswith("registry/blueprints/"):
        data = blueprint(budget=what[1])
    elif path.startswith("registry/hardware/"):
        data = hardware(name, what[1])
    elif what[0] == "job":
        _, team, datasets, cancelled = what
        fields = {"cancelled": {"reason": "not needed"}} if cancelled else {}
        fields |= {"group": team} if team else {}
        data = manifest(name, datasets, path.split("/")[2], **fields)
    else:
        job = path.removeprefix("certificates/").partition(".")[0]
        return "{" if what[1] is None else certificate(job, what[1])
    return yaml.safe_dump(data)


def _events(old, new, before):
    """Return the events that lead from one state of all files to another, told from files alone."""
    budgets, jobs, ends = [], [], []
    decided = {event.job for event in before if isinstance(event, JobMerged)}
    cap = new["registry/blueprints/probe.yaml"][1]
    price = new["registry/hardware/dollar.yaml"][1]
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path), new.get(path)
        parts = path.split("/")
        if was == now or ".replays/" in path or parts[1] == "hardware":
            continue
        if parts[1] in {"users", "groups", "blueprints"}:
            amount = 0 if now is None else now[1]
            account = Account(parts[1].removesuffix("s"), Path(path).stem)
            budgets.append(BudgetSet(account, None if amount is None else microdollars(amount)))
        elif was is None and now[0] == "job" and job_id(path) not in decided:
            payers = [Account("user", parts[2])]
            payers += [LAB] * (now[1] is not None) + [PROBE] * (cap is not None)
            jobs.append(JobMerged(job_id(path), tuple(payers), microdollars(price * now[2])))
        elif was is None and now[0] == "used":
            job = path.removeprefix("certificates/").partition(".")[0]
            used = None if now[1] is None else microdollars(now[1])
            ends.append(JobConcluded(job, used))
    return budgets + jobs + ends


class History:
    """Commits written to a repository at once, and the events that lead to each of them."""

    def __init__(self, repo, commits):
        self.repo, self.ids, self.main, self.events = repo, [], [], {}
        self._stream = []
        subprocess.run(["git", "init", "-q", "-b", "main", repo], env=ENV, check=True)
        files, tip, known = {}, None, []
        for kind, changes in [("plain", START.items()), *commits]:
            new = {**files, **dict(changes)}
            new = {path: what for path, what in new.items() if what is not None}
            events = known + _events(files, new, known)
            mark = self._write(tip, None, files, new, events)
            if kind == "aside":
                continue
            if kind == "merge":
                mark = self._write(tip, mark, files, new, events)
            files, tip, known = new, mark, events
            self.main.append(mark)
        marks = repo.parent / "marks"
        subprocess.run(
            ["git", "-C", repo, "fast-import", "--quiet", f"--export-marks={marks}"],
            input="".join(self._stream).encode(), env=ENV, check=True,
        )  # fmt: skip
        ids = dict(line.split() for line in marks.read_text().splitlines())
        self.main = [ids[f":{mark}"] for mark in self.main]
        self.events = {ids[f":{mark}"]: events for mark, events in self.events.items()}

    def _write(self, parent, other, old, new, events):
        mark = len(self.events) + 1
        out = self._stream
        out.append(f"commit refs/heads/made-{mark}\nmark :{mark}\n")
        out.append(f"committer ada <ada@example.org> {1_795_000_000 + mark} +0000\ndata 0\n")
        out.extend(f"{word} :{m}\n" for word, m in (("from", parent), ("merge", other)) if m)
        for path in sorted(old.keys() | new.keys()):
            if path not in new:
                out.append(f"D {path}\n")
            elif old.get(path) != new[path]:
                text = _content(path, new[path])
                out.append(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n")
        self.events[mark] = events
        return mark

    def set_main(self, commit):
        command = ["git", "-C", self.repo, "update-ref", "refs/heads/main", commit]
        subprocess.run(command, env=ENV, check=True)

    def expected(self, commit):
        """Return balances and decisions by the pure fold of the events."""
        ledger = Ledger(opening)
        decisions = {job_id(path): None for path in JOBS}
        for event in self.events[commit]:
            decision = ledger.apply(event)
            if decision is not None:
                decisions[event.job] = decision
        return {a: ledger.balance(a) for a in ACCOUNTS}, decisions

    def found(self, commit, cache):
        with Books.open(self.repo, commit, cache) as books:
            balances = {account: books.balance(account) for account in ACCOUNTS}
            decisions = {job_id(path): books.decision(job_id(path)) for path in JOBS}
            lines = {account: list(books.entries(account)) for account in ACCOUNTS}
        for account, entries in lines.items():
            assert not entries or entries[-1].balance == balances[account]
        return (balances, decisions), lines


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Return the index of another repository."""
    world = World(tmp_path_factory.mktemp("foreign"))
    world.start()
    commit = world.git("rev-parse", "HEAD")
    Books.open(world.repo, commit, world.cache).close()
    return index_path(world.repo, world.cache)


@pytest.fixture
def folder():
    """Return a maker of empty folders, one per example."""
    made = []

    def make():
        made.append(Path(tempfile.mkdtemp(prefix="neurocaas-books-")))
        return made[-1]

    yield make
    for path in made:
        shutil.rmtree(path)


@LAW
@given(commits=st.lists(COMMIT, min_size=4, max_size=9), chance=st.randoms(use_true_random=False))
@example(commits=AGAIN, chance=random.Random(1))
def test_kept_books_are_books_made_anew(folder, commits, chance):
    place = folder()
    history = History(place / "registry", commits)
    cache = place / "cache"
    anew = {}
    for commit in history.main:
        # Main grows, and the index with it.
        history.set_main(commit)
        anew[commit] = history.found(commit, None)
        assert history.found(commit, cache) == anew[commit]
        assert anew[commit][0] == history.expected(commit)
    order = list(history.events)
    chance.shuffle(order)
    for commit in order:
        answer, lines = history.found(commit, cache)
        assert answer == history.expected(commit)
        assert commit not in anew or lines == anew[commit][1]
    # Main is moved to another history: what it lost is forgotten.
    for commit in order[:2]:
        history.set_main(commit)
        assert history.found(commit, cache)[0] == history.expected(commit)
    history.set_main(history.main[-1])
    assert history.found(history.main[-1], cache) == anew[history.main[-1]]


@LAW
@given(
    st.lists(COMMIT, min_size=2, max_size=5),
    st.sampled_from(["truncated", "garbage", "foreign", "read-only", "a folder"]),
    st.floats(0, 1),
)
def test_a_spoilt_index_changes_no_answer(folder, foreign, commits, harm, where):
    place = folder()
    history = History(place / "registry", commits)
    cache = place / "cache"
    # An index that is behind needs a commit on main to be behind of; some draws are all aside.
    assume(len(history.main) > 1)
    history.set_main(history.main[-2])
    history.found(history.main[-2], cache)
    index = index_path(history.repo, cache)
    content = bytearray(index.read_bytes())
    at = int(where * len(content))
    if harm == "truncated":
        index.write_bytes(content[:at])
    elif harm == "garbage":
        content[at : at + 3000] = b"\xa5" * len(content[at : at + 3000])
        index.write_bytes(content)
    elif harm == "foreign":
        shutil.copyfile(foreign, index)
    elif harm == "read-only":
        index.chmod(0o400)
        index.parent.chmod(0o500)
    else:
        index.unlink()
        index.mkdir()
    history.set_main(history.main[-1])
    for commit in [*history.events, history.main[0]]:
        assert history.found(commit, cache)[0] == history.expected(commit)
    index.parent.chmod(0o700)
