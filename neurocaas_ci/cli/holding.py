"""Hold what runs that are submitted again may cost, or refuse: the ledger's word, kept in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from neurocaas_ci.cli.common import ledger_cache, say
from neurocaas_ci.errors import BackendUnavailableError, IntegrityError
from neurocaas_ci.ledger.books import Books
from neurocaas_ci.model.ledger import Account
from neurocaas_ci.model.money import Microdollars, show
from neurocaas_ci.plan.again import Held, beyond, short_of
from neurocaas_ci.registry.git import GitTree

if TYPE_CHECKING:
    from neurocaas_ci.stores.directory import DirectoryState
    from neurocaas_ci.stores.s3_state import S3State

_FOLDER = "held"
_SCHEMA = "neurocaas/held/v1"


class Holding:
    """Holds amounts for the jobs of one tree of main, in one store.

    Under one claim all that is held is read and the own amount written, so two runners cannot hold the
    same dollar. What is held counts until the job's certificate is on main, which then charges it.
    """

    def __init__(self, repo: Path, head: GitTree, state: DirectoryState | S3State) -> None:
        self._repo, self._head, self._state = repo, head, state

    def __call__(self, job: str, committed: Microdollars) -> None:
        """Hold what a job has cost and may still cost, as far as it is not reserved.

        Raise BackendUnavailableError when an account cannot bear it; then nothing changes.
        """
        with self._books() as books:
            merged = books.reservation(job)
            if merged is None:
                return
            wanted = Held(job, merged.accounts, beyond(committed, merged.maximum))
            if not wanted.amount:
                return
            with self._state.claim(_FOLDER, wait=True):
                held = list(self._held(books))
                short = short_of(wanted, held, books.balance)
                if short:
                    raise _refusal(wanted, short, books)
                self._state.write(_key(job), _encode(wanted), durable=True)
        say(f"  {job}: {show(wanted.amount)} beyond its reservation are held for it")

    def release(self) -> None:
        """Forget what is held for jobs whose certificate is on main."""
        if not self._state.keys(_FOLDER):
            return
        with self._books() as books, self._state.claim(_FOLDER, wait=True):
            for _ in self._held(books):
                pass

    def _books(self) -> Books:
        return Books.open(
            self._repo, self._head.commit, ledger_cache(), objects=self._head.objects, say=say
        )

    def _held(self, books: Books) -> Iterator[Held]:
        """Yield what is held for jobs without a certificate, and forget what is held for others."""
        for key in self._state.keys(_FOLDER):
            data = self._state.read(key)
            if data is None:
                continue
            held = _decode(key, data)
            # A job that these books do not know was merged after they were closed.
            if books.decision(held.job) is not None and books.reservation(held.job) is None:
                self._state.erase(key)
            else:
                yield held


def _refusal(wanted: Held, short: tuple[Account, ...], books: Books) -> BackendUnavailableError:
    first = short[0]
    left = books.balance(first).left
    return BackendUnavailableError(
        f"runs of it were lost and would be submitted again, which may cost {show(wanted.amount)} beyond"
        f" its reservation; {first} has {show(left or 0)} left, other jobs' included that hold some of it",
        where=wanted.job,
        hint="raise the budget by pull request, then `neurocaas reconcile`; or cancel the job",
    )


def _key(job: str) -> str:
    return f"{_FOLDER}/{job}"


def _encode(held: Held) -> bytes:
    document = {
        "schema": _SCHEMA, "job": held.job, "microdollars": held.amount,
        "accounts": [list(account) for account in held.accounts],
    }  # fmt: skip
    return json.dumps(document).encode()


def _decode(key: str, data: bytes) -> Held:
    try:
        document = json.loads(data)
        rows = {_SCHEMA: document["accounts"]}[document["schema"]]
        accounts = tuple(Account(kind, name) for kind, name in rows)
        return Held(str(document["job"]), accounts, Microdollars(int(document["microdollars"])))
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"what is held for a job cannot be read: {error!r}",
            where=key,
            hint="remove this document; the job's next `neurocaas reconcile` writes it again",
        ) from error
