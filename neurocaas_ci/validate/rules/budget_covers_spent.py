"""NC-M002: a budget is not lowered below what is gone; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.ledger import Account
from neurocaas_ci.model.money import enough, microdollars, show
from neurocaas_ci.registry.document import Document, Step
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class BudgetCoversSpent(Rule):
    """A budget is not lowered below what is spent and reserved already.

    What is spent is spent, and jobs that were admitted still run; nothing further is admitted until
    the budget is above that sum again.

    Fix: write an amount that covers what is spent and reserved, if further jobs are wanted.
    """

    id = "NC-M002"
    severity = "warning"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per lowered budget that does not cover its account."""
        base = context.base
        if base is None or context.balance_of is None:
            return
        for user in context.users():
            value, old = user.value, base.user(user.value.login).value
            if old is not None and value.budget_usd < old.budget_usd:
                account = Account("user", value.login)
                place = ["budget_usd"]
                yield from self._judge(context, account, value.budget_usd, user.document, place)
        for group in context.groups():
            team, was = group.value, base.group(group.value.name).value
            if was is not None and team.budget_usd < was.budget_usd:
                account = Account("group", team.name)
                place = ["budget_usd"]
                yield from self._judge(context, account, team.budget_usd, group.document, place)
        for blueprint in context.blueprints():
            before = base.blueprint(blueprint.value.name).value
            limit = blueprint.value.limits.budget_usd
            if before is None or limit is None:
                continue
            if before.limits.budget_usd is None or limit < before.limits.budget_usd:
                account = Account("blueprint", blueprint.value.name)
                place = ["limits", "budget_usd"]
                yield from self._judge(context, account, limit, blueprint.document, place)

    def _judge(
        self, context: Context, account: Account, usd: float, document: Document, place: list[str]
    ) -> Iterator[Finding]:
        if context.balance_of is None:
            return
        balance = context.balance_of(account)
        gone = balance.spent + balance.reserved
        if gone > microdollars(usd):
            pointer: list[Step] = [*place]
            yield self.finding(
                document.locate(pointer),
                f"the {account} has spent {show(balance.spent)} and reserved "
                f"{show(balance.reserved)}, more than {show(microdollars(usd))}",
                f"write {enough(gone)} or more if further jobs are wanted",
            )
