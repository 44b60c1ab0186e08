"""A second, simple idea of the ledger: everything is reckoned again from the first commit, in fractions."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import strategies as st

USERS = ("ada", "grace")
JOBS = tuple(f"{login}/2026-11/j{n}" for login in USERS for n in range(12))


@dataclass
class Standing:
    """What stands on one account in dollars; no cap is None."""

    cap: Fraction | None
    spent: Fraction = Fraction(0)
    held: dict[str, Fraction] = field(default_factory=dict)

    @property
    def reserved(self):
        return sum(self.held.values(), Fraction(0))

    @property
    def taken(self):
        return self.spent + self.reserved


def account_of(kind, name):
    return Standing(None if kind == "blueprint" else Fraction(0))


def reckon(commits):
    """Return the accounts and the fate of each job after these commits.

    Raise AssertionError when a sum passes a cap, other than by the cap's being lowered or by a job
    that used more than was reserved for it.
    """
    accounts, fate, ended = {}, {}, set()

    def at(key):
        return accounts.setdefault(key, account_of(*key))

    for commit in commits:
        for op in sorted(commit, key=lambda op: ("cap", "job", "end", "replay").index(op[0])):
            before = {key: standing.taken for key, standing in accounts.items()}
            used_more = False
            if op[0] == "cap":
                at(op[1]).cap = op[2]
            elif op[0] == "job" and op[1] not in fate:
                _, job, group, maximum = op
                keys = [("user", job.split("/")[0])]
                keys += [("group", "lab")] if group else []
                keys += (
                    [("blueprint", "probe")] if at(("blueprint", "probe")).cap is not None else []
                )
                fits = maximum is not None and all(
                    at(k).cap is None or at(k).taken + maximum <= at(k).cap for k in keys
                )
                fate[job] = keys if fits else None
                for key in keys if fits else ():
                    at(key).held[job] = maximum
            elif op[0] == "end" and op[1] in fate and op[1] not in ended:
                ended.add(op[1])
                for key in fate[op[1]] or ():
                    maximum = at(key).held.pop(op[1])
                    at(key).spent += maximum if op[2] is None else op[2]
                    used_more |= op[2] is not None and op[2] > maximum
            for key, standing in accounts.items():
                within = standing.cap is None or standing.taken <= standing.cap
                allowed = used_more or standing.taken <= before.get(key, 0)
                assert within or allowed, (key, standing)
    return accounts, fate


def cents(low, high):
    return st.integers(low, high).map(lambda n: Fraction(n, 100))


caps = st.one_of(
    st.tuples(st.just("cap"), st.tuples(st.just("user"), st.sampled_from(USERS)), cents(0, 2000)),
    st.tuples(st.just("cap"), st.just(("group", "lab")), cents(0, 2000)),
    st.tuples(st.just("cap"), st.just(("blueprint", "probe")), st.none() | cents(0, 2000)),
)
# Whole dollars: a run of an hour costs one.
maxima = st.none() | st.integers(1, 9).map(Fraction)
operations = st.one_of(
    caps,
    st.tuples(st.just("job"), st.sampled_from(JOBS), st.booleans(), maxima),
    st.tuples(st.just("job"), st.sampled_from(JOBS), st.booleans(), maxima),
    st.tuples(st.just("end"), st.sampled_from(JOBS), st.none() | cents(0, 1200)),
    st.tuples(st.just("replay"), st.sampled_from(JOBS)),
)


def _one_per_place(commit):
    """Keep one operation for each file; jobs by path, as a commit has no other order."""
    kept = {(op[0], op[1]): op for op in commit}
    return [kept[key] for key in sorted(kept, key=str)]


commits = st.lists(operations, max_size=5).map(_one_per_place)
histories = st.lists(commits, min_size=1, max_size=25)
