"""What stands on the accounts of a registry before a change, from the ledger."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.registry.catfile import CatFile

if TYPE_CHECKING:
    from neurocaas_ci.ledger.books import Books


def balances_at(
    stack: ExitStack, repo: Path, commit: str, objects: CatFile
) -> Callable[[Account], Balance]:
    """Return a function that says what stands on an account at a commit (a full id).

    The ledger is opened when something is asked; `stack` closes it. `objects` reads the repository
    and must stay open as long.
    """
    books: Books | None = None

    def balance(account: Account) -> Balance:
        nonlocal books
        if books is None:
            from neurocaas_ci.cli.common import ledger_cache, say
            from neurocaas_ci.ledger.books import Books

            opened = Books.open(repo, commit, ledger_cache(), objects=objects, say=say)
            books = stack.enter_context(opened)
        return books.balance(account)

    return balance
