"""Whatever happens to budgets and jobs, the ledger keeps to its laws and to a plain recount."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from neurocaas_ci.model.ledger import (
    Account,
    Balance,
    BudgetSet,
    JobConcluded,
    JobMerged,
    JobUnpriced,
    opening,
)
from neurocaas_ci.plan.ledger import Ledger

ADA, GRACE = Account("user", "ada"), Account("user", "grace")
LAB, PROBE = Account("group", "lab"), Account("blueprint", "probe")
ACCOUNTS = (ADA, GRACE, LAB, PROBE)
PAYERS = [
    (user, *group, *blueprint)
    for user in (ADA, GRACE)
    for group in ((), (LAB,))
    for blueprint in ((), (PROBE,))
]
# Few small amounts, so that jobs often fit to the last microdollar or miss by one.
AMOUNTS = st.one_of(st.integers(0, 6), st.sampled_from([999_999, 1_000_000, 10**13]))


@st.composite
def histories(draw):
    """Return events in order; every job is merged once, as in the history of main."""
    # Most histories begin with budgets; without them nearly every job is refused.
    founding = ACCOUNTS if draw(st.integers(0, 9)) else ()
    events = [BudgetSet(account, draw(st.sampled_from([9, 14, None]))) for account in founding]
    merged = []
    for number in range(draw(st.integers(0, 24))):
        kind = draw(st.sampled_from(["budget", "job", "job", "unpriced", "end", "end"]))
        if kind == "budget":
            cap = draw(st.one_of(st.none(), AMOUNTS))
            events.append(BudgetSet(draw(st.sampled_from(ACCOUNTS)), cap))
        elif kind in {"job", "unpriced"}:
            merged.append(f"job-{number}")
            payers = draw(st.sampled_from(PAYERS))
            events.append(
                JobMerged(merged[-1], payers, draw(AMOUNTS))
                if kind == "job"
                else JobUnpriced(merged[-1], "no price")
            )
        else:
            # Once more than once, and of jobs that nobody has merged.
            job = draw(st.sampled_from([*merged, "job-never"]))
            events.append(JobConcluded(job, draw(st.one_of(st.none(), AMOUNTS))))
    return events


class Recount:
    """All that follows from a list of events, counted from its beginning in US dollars."""

    def __init__(self, events):
        self.events = events
        self.admitted = {}
        self.short = {}
        for i, event in enumerate(events):
            if isinstance(event, JobMerged):
                needs = _usd(event.maximum)
                self.short[event.job] = tuple(
                    account
                    for account in event.accounts
                    if (cap := self.cap(account, i)) is not None
                    # What costs nothing is borne by every account (decision 8).
                    and needs > 0
                    and self.spent(account, i) + self.reserved(account, i) + needs > cap
                )
                if not self.short[event.job]:
                    self.admitted[event.job] = i

    def cap(self, account, upto):
        caps = [None if account.kind == "blueprint" else 0] + [
            event.cap
            for event in self.events[:upto]
            if isinstance(event, BudgetSet) and event.account == account
        ]
        return None if caps[-1] is None else _usd(caps[-1])

    def spent(self, account, upto):
        return sum((self.charge(job, upto) or 0) for job in self._paid_by(account, upto))

    def reserved(self, account, upto):
        return sum(
            _usd(self.events[self.admitted[job]].maximum)
            for job in self._paid_by(account, upto)
            if self.charge(job, upto) is None
        )

    def charge(self, job, upto):
        """Return what an admitted job was charged by then, or None while it is reserved."""
        start = self.admitted[job]
        most = _usd(self.events[start].maximum)
        for event in self.events[start:upto]:
            if isinstance(event, JobConcluded) and event.job == job:
                return most if event.used is None else _usd(event.used)
        return None

    def _paid_by(self, account, upto):
        return [
            job
            for job, i in self.admitted.items()
            if i < upto and account in self.events[i].accounts
        ]


def _usd(amount):
    return Fraction(amount, 1_000_000)


def _fold(events, ledger=None):
    """Apply events; return the ledger, all decisions, and the balances after each event."""
    ledger = ledger or Ledger(opening)
    decisions, balances = {}, []
    for event in events:
        decision = ledger.apply(event)
        if decision is not None:
            decisions[event.job] = decision
        balances.append({account: ledger.balance(account) for account in ACCOUNTS})
    return ledger, decisions, balances


OVERDRAWN = [BudgetSet(ADA, 5), JobMerged("a", (ADA,), 5), BudgetSet(ADA, 4)]


def test_an_overdrawn_account_bears_what_costs_nothing_and_not_a_millionth_more():
    for cost, short in ((0, ()), (1, (ADA,))):
        decisions = _fold([*OVERDRAWN, JobMerged("b", (ADA,), cost)])[1]
        assert decisions["b"].short == short


@settings(deadline=None)
@given(histories())
@example([*OVERDRAWN, JobMerged("b", (ADA,), 0)])
@example([*OVERDRAWN, JobMerged("b", (ADA,), 1)])
def test_every_balance_is_that_of_a_recount(events):
    _, decisions, balances = _fold(events)
    recount = Recount(events)
    for i, now in enumerate(balances, 1):
        for account, balance in now.items():
            cap = recount.cap(account, i)
            spent, reserved = recount.spent(account, i), recount.reserved(account, i)
            assert (balance.cap is None) == (cap is None)
            assert (_usd(balance.cap or 0), _usd(balance.spent)) == (cap or 0, spent)
            assert _usd(balance.reserved) == reserved
            if cap is not None:
                assert _usd(balance.left) == cap - spent - reserved
    for job, decision in decisions.items():
        if decision.reason:
            assert JobUnpriced(job, decision.reason) in events
            assert not decision.admitted
        else:
            assert decision.short == recount.short[job]
            assert decision.admitted == (job in recount.admitted)


@settings(deadline=None)
@given(histories())
@example(
    [BudgetSet(ADA, 5), JobMerged("a", (ADA,), 5), BudgetSet(ADA, 4), JobMerged("b", (ADA,), 0)]
)
def test_nothing_is_promised_beyond_a_cap(events):
    before = {account: opening(account) for account in ACCOUNTS}
    held = {}
    for event, after in zip(events, _fold(events)[2], strict=True):
        over = False
        if isinstance(event, JobMerged):
            held.setdefault(event.job, event.maximum)
        elif isinstance(event, JobConcluded) and event.used is not None:
            over = event.used > held.get(event.job, 0)
        for account, balance in after.items():
            old = before[account]
            assert balance.spent >= old.spent
            assert balance.reserved >= 0
            promised = balance.spent + balance.reserved
            if balance.cap is None or promised <= balance.cap:
                continue
            # Only a cap below what was promised, or a job that used more, can bring this about.
            lowered = isinstance(event, BudgetSet) and event.account == account
            assert lowered or over or old.spent + old.reserved > old.cap
            assert over or promised <= old.spent + old.reserved
        before = after


@settings(deadline=None)
@given(histories())
def test_a_job_moves_its_maximum_then_its_charge_and_nothing_else(events):
    _, decisions, balances = _fold(events)
    before = {account: opening(account) for account in ACCOUNTS}
    reserved = {}
    for event, after in zip(events, balances, strict=True):
        moves = {
            account: (after[account].reserved - old.reserved, after[account].spent - old.spent)
            for account, old in before.items()
        }
        expected = dict.fromkeys(ACCOUNTS, (0, 0))
        if isinstance(event, JobMerged) and decisions[event.job].admitted:
            reserved[event.job] = event
            expected |= dict.fromkeys(event.accounts, (event.maximum, 0))
        elif isinstance(event, JobConcluded) and (job := reserved.pop(event.job, None)):
            used = job.maximum if event.used is None else event.used
            expected |= dict.fromkeys(job.accounts, (-job.maximum, used))
        assert moves == expected
        before = after


@settings(deadline=None)
@given(histories(), st.data())
def test_it_does_not_matter_where_the_fold_is_interrupted(events, data):
    whole, decisions, balances = _fold(events)
    cut = data.draw(st.integers(0, len(events)))
    first, early, before = _fold(events[:cut])
    assert before == balances[:cut]
    second = Ledger(first.balance, first.reservation)
    _, late, after = _fold(events[cut:], second)
    assert early | late == decisions
    assert after == balances[cut:]
    for event in events:
        if not isinstance(event, BudgetSet):
            assert second.reservation(event.job) == whole.reservation(event.job)


@settings(deadline=None)
@given(histories(), st.sampled_from(PAYERS), AMOUNTS)
def test_to_ask_what_would_become_of_a_job_changes_nothing(events, payers, maximum):
    ledger, _, balances = _fold(events)
    job = JobMerged("asked", payers, maximum)
    asked = ledger.decide(job)
    assert {a: ledger.balance(a) for a in ACCOUNTS} == (
        balances[-1] if balances else {a: opening(a) for a in ACCOUNTS}
    )
    assert ledger.reservation("asked") is None
    assert ledger.apply(job) == asked


def test_a_history_in_figures():
    events = [
        BudgetSet(ADA, 10),
        JobMerged("a", (ADA,), 6),
        JobMerged("b", (ADA,), 5),
        JobMerged("c", (ADA,), 4),
        JobConcluded("a", 7),
        JobConcluded("c", 1),
        JobConcluded("c", 1),
        BudgetSet(ADA, 3),
    ]
    ledger, decisions, _ = _fold(events)
    assert [job for job, decision in decisions.items() if not decision.admitted] == ["b"]
    # What was paid is charged: 7 and 1, one more than was reserved for the first.
    assert ledger.balance(ADA) == Balance(3, 8, 0)
    assert ledger.balance(ADA).left == -5
