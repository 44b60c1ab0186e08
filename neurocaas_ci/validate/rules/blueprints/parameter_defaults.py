"""NC-B010: defaults fit their own rule; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.parameters import default_problems, schema_problems
from neurocaas_ci.validate.rule import Rule


class ParameterDefaults(Rule):
    """The default of a parameter is a value that a job could give.

    A job that leaves the parameter out runs with the default.

    Fix: correct the default, or the bounds.
    """

    id = "NC-B010"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per default that does not fit."""
        for blueprint in context.blueprints():
            schema = blueprint.value.parameters
            if schema_problems(schema):
                continue
            for problem in default_problems(schema):
                place = blueprint.document.locate(["parameters", *problem.pointer])
                yield self.finding(place, problem.message, problem.fix)
