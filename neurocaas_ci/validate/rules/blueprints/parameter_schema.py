"""NC-B009: the parameter schema is sound; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.parameters import schema_problems
from neurocaas_ci.validate.rule import Rule


class ParameterSchema(Rule):
    """The parameters of a blueprint are a sound JSON Schema (draft-07) of type object.

    Forms, checks and defaults come from it. Because strangers' schemas are judged here, references
    (`$ref`) are not supported, and a pattern must not repeat a group, refer back, or have more than
    two open repeats: such patterns can take for ever on a short text.

    Fix: correct the place that the message names.
    """

    id = "NC-B009"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with each schema."""
        for blueprint in context.blueprints():
            for problem in schema_problems(blueprint.value.parameters):
                place = blueprint.document.locate(
                    ["parameters", *problem.pointer], key=problem.on_key
                )
                yield self.finding(place, problem.message, problem.fix)
