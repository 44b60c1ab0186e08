"""What stands on the accounts of a registry before a change, from the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.registry.git import CatFile


def balances_at(repo: Path, commit: str, objects: CatFile) -> Callable[[Account], Balance]:
    """Return a function that says what stands on an account at a commit (a full id).

    The ledger is opened when something is asked. `objects` reads the repository and must stay open.
    """
    ask: Callable[[Account], Balance] | None = None

    def balance(account: Account) -> Balance:
        nonlocal ask
        if ask is None:
            from neurocaas_ci.cli.common import ledger_cache
            from neurocaas_ci.ledger.books import balance_before

            ask = balance_before(repo, commit, ledger_cache(), objects)
        return ask(account)

    return balance
