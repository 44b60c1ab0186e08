"""NC-B018: the cost bound of a blueprint leaves room for one run; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.model.money import enough, microdollars, show
from neurocaas_ci.model.registry import Dataset, Job
from neurocaas_ci.plan.cost import step_costs, total
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class OneRunIsAffordable(Rule):
    """The blueprint's cost bounds allow a job of one dataset with everything left at its default.

    Otherwise the analysis is published, and the first thing that everybody tries is refused.

    Fix: raise `limits.max_cost_usd` (or `budget_usd`), lower `max_runtime` of a step, or make cheaper
    hardware the default.
    """

    id = "NC-B018"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per bound that is below the cost of the smallest ordinary job."""
        for blueprint in context.blueprints():
            value = blueprint.value
            costs = step_costs(value, _smallest(value), lambda n: context.head.hardware(n).value)
            if costs is None:
                continue
            cost = total(costs)
            for key, bound in (
                ("max_cost_usd", value.limits.max_cost_usd),
                ("budget_usd", value.limits.budget_usd),
            ):
                if bound is not None and cost > microdollars(bound):
                    yield self.finding(
                        blueprint.document.locate(["limits", key]),
                        f"one dataset may cost {show(cost)} with all defaults, but `{key}` is "
                        f"{show(microdollars(bound))}",
                        f"write {enough(cost)} at least, or lower `max_runtime` of the steps",
                    )


def _smallest(blueprint: Blueprint) -> Job:
    dataset = Dataset("store:one", Sha256("0" * 64), 1)
    return Job(
        name="one",
        user="nobody",
        month="2026-01",
        group=None,
        blueprint=blueprint.name,
        version=blueprint.version,
        datasets=(dataset,),
        parameters=_required(blueprint.parameters),
        pricing="standard",
        hardware={},
        max_runtime=None,
        retry_of=None,
        cancelled=None,
    )


def _required(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the least value of each whole-numbered parameter that a job has to give."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return {}
    rules = ((name, properties[name]) for name in required if name in properties)
    return {
        name: rule["minimum"]
        for name, rule in rules
        if isinstance(rule, Mapping) and "default" not in rule and "minimum" in rule
    }
