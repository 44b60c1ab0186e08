"""NC-B006: the protocol exists and fits the steps; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neurocaas_ci import protocols
from neurocaas_ci.model.blueprint import Blueprint
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context, Valid
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.sweeps import sweep_problem

_STEPS = {"parallel": 1, "ensemble": 2}
_FEWEST_SWEPT = 2


class ProtocolFits(Rule):
    """The protocol is a shipped one, and the steps are those it needs.

    `parallel` has one step. `chain` has one or more. `ensemble` has two, the member and the
    consensus, and an integer parameter `replicas` with a default or listed as required. `sweep` has
    two or more, the last of which makes the table, and a parameter `sweep`: an object of the other
    steps, each an object of parameters, each a list of values of that parameter. `items` repeats the
    parameter's own schema without `default` and `description`, so that what may be swept over is what may
    be given, and there are `minItems: 1` and `uniqueItems: true`.

    Fix: choose the protocol that fits the steps.
    """

    id = "NC-B006"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per blueprint that its protocol could not expand."""
        known = protocols.names()
        for blueprint in context.blueprints():
            value, document = blueprint.value, blueprint.document
            yield from self.missing(document, ["protocol"], value.protocol, known, "protocol")
            wanted = _STEPS.get(value.protocol)
            if wanted is not None and len(value.steps) != wanted:
                yield self.finding(
                    document.locate(["steps"]),
                    f"the protocol `{value.protocol}` needs {wanted} step"
                    f"{'' if wanted == 1 else 's'}, but there are {len(value.steps)}",
                    "change the steps, or use `protocol: chain` for steps one after another",
                )
            if value.protocol == "ensemble" and not _has_replicas(value.parameters):
                yield self.finding(
                    document.locate(["parameters"]),
                    "an ensemble needs an integer parameter `replicas` with a minimum of 1",
                    "add `replicas: {type: integer, minimum: 1, maximum: 9, default: 3}`",
                )
            if value.protocol == "sweep":
                yield from self._sweep(blueprint)

    def _sweep(self, blueprint: Valid[Blueprint]) -> Iterator[Finding]:
        value, document = blueprint.value, blueprint.document
        if len(value.steps) < _FEWEST_SWEPT:
            yield self.finding(
                document.locate(["steps"]),
                "the protocol `sweep` needs a step to be swept and a last one that makes the table",
                "add the step, or use `protocol: parallel`",
            )
            return
        steps = tuple(step.id for step in value.steps[:-1])
        problem = sweep_problem(value.parameters, steps)
        if problem is not None:
            yield self.finding(document.locate(["parameters"]), *problem)


def _has_replicas(schema: Mapping[str, Any]) -> bool:
    properties = schema.get("properties")
    rule = properties.get("replicas") if isinstance(properties, Mapping) else None
    if not isinstance(rule, Mapping) or rule.get("type") != "integer":
        return False
    low, required = rule.get("minimum"), schema.get("required")
    given = "default" in rule or (isinstance(required, list) and "replicas" in required)
    return given and isinstance(low, int) and low >= 1
