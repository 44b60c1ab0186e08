"""NC-J009: the parameters of a job fit; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.parameters import schema_problems, value_problems
from neurocaas_ci.validate.plain import accepts
from neurocaas_ci.validate.rule import Rule


class JobParameters(Rule):
    """The parameters of a job are those of the blueprint, with values that it accepts.

    Fix: correct the value that the message points at.
    """

    id = "NC-J009"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield what is wrong with the parameters of each job."""
        sound: dict[tuple[str, str], bool] = {}
        for job in context.jobs():
            blueprint = context.blueprint_of(job.value)
            if blueprint is None or accepts(blueprint.parameters, job.value.parameters):
                continue
            key = blueprint.name, blueprint.version
            if key not in sound:
                sound[key] = not schema_problems(blueprint.parameters)
            if not sound[key]:
                continue
            for problem in value_problems(blueprint.parameters, dict(job.value.parameters)):
                place = job.document.locate(["parameters", *problem.pointer], key=problem.on_key)
                yield self.finding(place, f"parameters: {problem.message}", problem.fix)
