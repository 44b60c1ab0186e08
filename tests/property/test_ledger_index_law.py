"""For every interleaving of merges, ends, caps and replays no sum passes a cap, and the index knows it all."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

sys.path.insert(0, str(Path(__file__).parents[1] / "integration" / "ledger"))

from ledger_model import JOBS, account_of, commits, histories, reckon
from ledger_world import World, blueprint, certificate, group, hardware, job_path, manifest, user

from neurocaas_ci.ledger.books import Books
from neurocaas_ci.ledger.fold import Fold
from neurocaas_ci.ledger.index import Index
from neurocaas_ci.ledger.rows import CommitRow
from neurocaas_ci.ledger.view import View
from neurocaas_ci.model.ledger import (
    Account,
    BudgetSet,
    JobConcluded,
    JobMerged,
    JobUnpriced,
    opening,
)
from neurocaas_ci.model.places import certificate_path, replays_folder
from neurocaas_ci.plan.ledger import Ledger

ACCOUNTS = (
    Account("user", "ada"), Account("user", "grace"), Account("group", "lab"),
    Account("blueprint", "probe"),
)  # fmt: skip
EVERYTHING = 1 << 62


def micro(amount):
    return None if amount is None else int(amount * 1_000_000)


def expected(history, account):
    accounts, _ = reckon(history)
    standing = accounts.get(tuple(account), account_of(*account))
    return micro(standing.cap), micro(standing.spent), micro(standing.reserved)


def stands(balance):
    return balance.cap, balance.spent, balance.reserved


def events(commit, bounded):
    """Yield the events of a commit one at a time, as the reader of git does."""
    order = ("cap", "job", "end", "replay")
    for op in sorted(commit, key=lambda op: order.index(op[0])):
        if op[0] == "cap":
            yield BudgetSet(Account(*op[1]), micro(op[2]))
        elif op[0] == "job" and op[3] is None:
            yield JobUnpriced(op[1], "nobody knows")
        elif op[0] == "job":
            payers = [Account("user", op[1].split("/")[0])]
            payers += [Account("group", "lab")] if op[2] else []
            probe = Account("blueprint", "probe")
            yield JobMerged(
                op[1], tuple(payers + ([probe] if bounded(probe) else [])), micro(op[3])
            )
        elif op[0] == "end":
            yield JobConcluded(op[1], micro(op[2]))


class LedgerMachine(RuleBasedStateMachine):
    """Commits go into an index in a file, which is closed and opened again at any time."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "index.sqlite3"
        self.index = Index(self.path)
        self.history = []
        self.pure = Ledger(opening)
        self.decided = set()

    @property
    def view(self):
        return View(((self.index, EVERYTHING),))

    @rule(batch=st.lists(commits, min_size=1, max_size=3))
    def commit(self, batch):
        fold = Fold(self.view, self.index)
        with self.index.writing(self.index.tip()):
            for commit in batch:
                position = len(self.history)
                self.history.append(commit)
                made = events(commit, fold.bounded)
                fold.commit(CommitRow(position, f"{position:040x}", position), made)
        self.fold_purely(batch)
        self.compare()

    def fold_purely(self, batch):
        for commit in batch:
            for event in events(commit, lambda a: self.pure.balance(a).cap is not None):
                if isinstance(event, (JobMerged, JobUnpriced)):
                    if event.job in self.decided:
                        continue
                    self.decided.add(event.job)
                self.pure.apply(event)

    def compare(self):
        for account in ACCOUNTS:
            now = stands(self.view.balance(account))
            assert now == expected(self.history, account) == stands(self.pure.balance(account))
        _, fate = reckon(self.history)
        for job in JOBS:
            decision = self.view.decision(job)
            assert (decision is None) == (job not in fate)
            assert decision is None or decision.admitted == (fate[job] is not None)

    @rule()
    def restart(self):
        self.index.close()
        self.index = Index(self.path)

    @rule(data=st.data())
    def ask_for_an_older_commit(self, data):
        upto = data.draw(st.integers(-1, len(self.history) - 1))
        view = View(((self.index, upto),))
        for account in ACCOUNTS:
            wanted = expected(self.history[: upto + 1], account)
            assert stands(view.balance(account)) == wanted

    @rule(data=st.data())
    def main_loses_commits(self, data):
        upto = data.draw(st.integers(-1, len(self.history) - 1))
        with self.index.writing(self.index.tip()):
            self.index.forget_after(upto)
        self.history = self.history[: upto + 1]
        self.pure, self.decided = Ledger(opening), set()
        self.fold_purely(self.history)
        self.compare()

    @rule(account=st.sampled_from(ACCOUNTS))
    def every_cent_is_in_a_line(self, account):
        spent = held = 0
        after = (-1, -1)
        while rows := self.view.page(account, after):
            for row in rows:
                spent += row.charged
                held += row.reserved - row.charged - row.refunded
                assert (row.spent, row.held) == (spent, held)
            after = (rows[-1].position, rows[-1].number)
        assert (spent, held) == expected(self.history, account)[1:]

    def teardown(self):
        self.index.close()
        self.folder.cleanup()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)


def as_files(op, merged):
    """Return the files that an operation writes; one that no registry could hold writes none."""
    if op[0] == "cap":
        (kind, name), cap = op[1], None if op[2] is None else float(op[2])
        if kind == "blueprint":
            return {"registry/blueprints/probe.yaml": blueprint(budget=cap)}
        made = user(name, cap) if kind == "user" else group(name, cap, "ada")
        return {f"registry/{kind}s/{name}.yaml": made}
    login, _, name = op[1].split("/")
    if op[0] == "job" and op[1] not in merged:
        merged.add(op[1])
        fields = {"group": "lab"} if op[2] else {}
        version = "9.9.9" if op[3] is None else "1.0.0"
        return {job_path(name, login): manifest(name, int(op[3] or 1), login, version, **fields)}
    if op[0] == "end" and op[1] in merged:
        cost = "unknown" if op[2] is None else float(op[2])
        return {certificate_path(op[1]): certificate(op[1], cost)}
    if op[0] == "replay":
        return {f"{replays_folder(op[1])}/x.sigstore.json": certificate(op[1], 1)}
    return {}


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(histories, st.data())
def test_books_of_a_real_history(history, data):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.commit(
            {
                "registry/hardware/dollar.yaml": hardware("dollar", 1),
                "registry/blueprints/probe.yaml": blueprint(),
            }
        )
        merged, kept, ids = set(), [], []
        for commit in history:
            files, done = {}, []
            for op in sorted(commit, key=lambda op: ("cap", "job", "end", "replay").index(op[0])):
                made = as_files(op, merged)
                files |= made
                done += [op] if made else []
            kept.append(done)
            ids.append(world.commit(files))
            if data.draw(st.booleans()):
                check(world, ids, kept, data.draw(st.integers(0, len(ids) - 1)))
        for n in range(len(ids)):
            check(world, ids, kept, n)


def check(world, ids, kept, n):
    for cache in (world.cache, None):
        with Books.open(world.repo, ids[n], cache) as books:
            for account in ACCOUNTS:
                assert stands(books.balance(account)) == expected(kept[: n + 1], account)
