"""What jobs hold beyond their reservations never exceeds what an account has left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.plan.again import Held, beyond, short_of

ACCOUNTS = [Account("user", "ada"), Account("group", "lab"), Account("blueprint", "free")]
amounts = st.integers(0, 10)


@given(committed=amounts, reserved=amounts)
def test_only_what_is_not_reserved_is_beyond(committed, reserved):
    found = beyond(Microdollars(committed), Microdollars(reserved))
    assert found == (committed - reserved if committed > reserved else 0)


@given(
    left=st.tuples(*[st.one_of(st.none(), st.integers(-3, 10)) for _ in ACCOUNTS]),
    asked=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sets(st.sampled_from(ACCOUNTS), min_size=1), amounts)
    ),
)
def test_whatever_is_asked_no_account_holds_more_than_it_has(left, asked):
    """In any order, again and again, and with accounts that are overdrawn already."""
    rooms = dict(zip(ACCOUNTS, left, strict=True))
    balances = {
        account: Balance(None if room is None else Microdollars(room))
        for account, room in rooms.items()
    }
    held: dict[str, Held] = {}
    for job, accounts, amount in asked:
        wanted = Held(job, tuple(sorted(accounts)), Microdollars(amount))
        short = short_of(wanted, held.values(), balances.__getitem__)
        assert set(short) <= accounts
        if not short:
            held[job] = wanted
        else:
            # It is refused for a reason: with it, those accounts would hold too much.
            for account in short:
                others = sum(
                    h.amount for h in held.values() if h.job != job and account in h.accounts
                )
                assert others + amount > (rooms[account] or 0)
        for account, room in rooms.items():
            total = sum(h.amount for h in held.values() if account in h.accounts)
            assert room is None or total <= max(0, room)
