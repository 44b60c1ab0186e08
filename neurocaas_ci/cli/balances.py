"""What stands on the accounts of a registry before a change."""

from __future__ import annotations

from collections.abc import Callable

from neurocaas_ci.cli.subject import Subject
from neurocaas_ci.model.ledger import Account, Balance
from neurocaas_ci.model.money import ZERO, Microdollars, microdollars
from neurocaas_ci.registry import Registry


def balances(subject: Subject) -> Callable[[Account], Balance]:
    """Return a function that says what stands on an account: the cap at the base, nothing used."""
    registry = Registry(subject.base or subject.head)
    return lambda account: Balance(_cap(registry, account))


def _cap(registry: Registry, account: Account) -> Microdollars | None:
    if account.kind == "blueprint":
        blueprint = registry.blueprint(account.name).value
        usd = None if blueprint is None else blueprint.limits.budget_usd
        return None if usd is None else microdollars(usd)
    if account.kind == "user":
        user = registry.user(account.name).value
        return ZERO if user is None else microdollars(user.budget_usd)
    group = registry.group(account.name).value
    return ZERO if group is None else microdollars(group.budget_usd)
