"""The product's own adapter on the fake GitHub, and how a process that dies is played."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from neurocaas_ci.errors import BackendUnavailableError
from neurocaas_ci.forges import github_patience
from neurocaas_ci.forges.github import GitHub
from neurocaas_ci.forges.github_client import Address

REPOSITORY = "acme/registry"
LOGIN = "neurocaas[bot]"


def connected(hub, token, repository: str = REPOSITORY, bot: str | None = LOGIN) -> GitHub:
    """Return an adapter as another process would have it: nothing is known yet."""
    return GitHub(Address(repository, token.value, hub.base, bot, hub.base))


@contextlib.contextmanager
def dying(hub, token, operation: str) -> Iterator[GitHub]:
    """Give an adapter to a block that ends when GitHub has carried out this operation, unheard."""
    with pytest.MonkeyPatch.context() as patch:
        # Nobody asks again in this process.
        patch.setattr(github_patience, "_TRIES", 0)
        hub.drop(operation, after=True)
        with pytest.raises(BackendUnavailableError):
            yield connected(hub, token)


def asked(hub, *kinds: str) -> list[str]:
    """Return the operations that were asked for, in order; those that begin with one of `kinds`."""
    return [call.operation for call in hub.calls if call.operation.startswith(kinds or ("",))]
