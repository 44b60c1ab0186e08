"""Balances and the lines behind them as tables and as JSON; I/O is not handled here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from neurocaas_ci.ledger.rows import Entry
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import dollars, show
from neurocaas_ci.report.plain import printable, width

Line = tuple[Account, Balance]

_SCHEMA = "neurocaas/budget/v1"
_WORDS = {"budget": "budget", "reserved": "merged", "refused": "refused", "concluded": "ended"}


def table(lines: Sequence[Line], commit: str) -> str:
    """Return one row per account."""
    if not lines:
        return f"nobody has a budget at commit {commit[:12]}\n"
    head = ["ACCOUNT", "CAP", "SPENT", "RESERVED", "LEFT"]
    names = [printable(str(account)) for account, _ in lines]
    amounts = [[b.cap, b.spent, b.reserved, b.left] for _, b in lines]
    columns = [names, *(_money(list(column)) for column in zip(*amounts, strict=True))]
    rows = _grid(head, columns, right=range(1, 5))
    return "\n".join([*rows, f"US dollars, as of commit {commit[:12]}"]) + "\n"


def statement(account: Account, balance: Balance, entries: Sequence[Entry]) -> str:
    """Return every line of an account, and what stands on it after each."""
    head = [
        "COMMIT", "DATE", "EVENT", "JOB",
        "RESERVED", "CHARGED", "REFUNDED", "SPENT", "HELD", "LEFT", "NOTE",
    ]  # fmt: skip
    moves = [[e.reserved or None, *_settled(e)] for e in entries]
    stands = [[e.balance.spent, e.balance.reserved, e.balance.left] for e in entries]
    both = [[*move, *stand] for move, stand in zip(moves, stands, strict=True)]
    columns = [
        [entry.commit[:12] for entry in entries],
        [_day(entry.time) for entry in entries],
        [_WORDS[entry.what] for entry in entries],
        [printable(entry.job) for entry in entries],
        *(_money(list(column)) for column in zip(*both, strict=True)),
        [_note(entry) for entry in entries],
    ]
    return "\n".join([summary(account, balance), *_grid(head, columns, right=range(4, 10))]) + "\n"


def summary(account: Account, balance: Balance) -> str:
    """Return what stands on an account in one line."""
    used = f"spent {show(balance.spent)}, reserved {show(balance.reserved)}"
    name = printable(str(account))
    if balance.cap is None:
        return f"{name}: no budget of its own; {used}"
    return f"{name}: {show(balance.left or 0)} left of {show(balance.cap)}; {used}"


def as_json(
    commit: str, accounts: Iterable[tuple[Account, Balance, Sequence[Entry] | None]]
) -> str:
    """Return balances, with the lines of an account where they are given, in US dollars."""
    found = []
    for account, balance, entries in accounts:
        item: dict[str, Any] = {"kind": account.kind, "name": account.name, **_stands(balance)}
        if entries is not None:
            item["entries"] = [_entry(entry) for entry in entries]
        found.append(item)
    document = {"schema": _SCHEMA, "commit": commit, "accounts": found}
    return json.dumps(document, indent=2) + "\n"


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "commit": entry.commit,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.time)),
        "what": entry.what,
        "job": entry.job or None,
        "reserved_usd": dollars(entry.reserved),
        "charged_usd": dollars(entry.charged),
        "refunded_usd": dollars(entry.refunded),
        "after": _stands(entry.balance),
        "note": entry.note,
    }


def _stands(balance: Balance) -> dict[str, float | None]:
    return {
        "cap_usd": None if balance.cap is None else dollars(balance.cap),
        "spent_usd": dollars(balance.spent),
        "reserved_usd": dollars(balance.reserved),
        "left_usd": None if balance.left is None else dollars(balance.left),
    }


def _settled(entry: Entry) -> list[int | None]:
    if entry.what != "concluded":
        return [None, None]
    return [entry.charged, entry.refunded]


def _note(entry: Entry) -> str:
    if entry.what != "budget":
        return printable(entry.note)
    cap = entry.balance.cap
    text = "no budget any more" if cap is None else f"budget is {show(cap)}"
    return f"{text} ({printable(entry.note)})" if entry.note else text


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def _money(amounts: list[int | None]) -> list[str]:
    """Return amounts without their unit, the decimal points in one column; None is a dash."""
    texts = ["-" if amount is None else show(amount).partition(" ")[0] for amount in amounts]
    digits = [len(text.partition(".")[2]) for text in texts]
    most = max(digits, default=0)
    return [text + " " * (most - n) for text, n in zip(texts, digits, strict=True)]


def _grid(head: list[str], columns: list[list[str]], right: range) -> list[str]:
    rows = [head, *map(list, zip(*columns, strict=True))]
    widths = [max(width(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [
            " " * (widths[i] - width(cell)) + cell
            if i in right
            else cell + " " * (widths[i] - width(cell))
            for i, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
