"""NC-P002: a protocol has the function that expands a job; I/O is not handled here."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neurocaas_ci import protocols
from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.protocol_source import trees
from neurocaas_ci.validate.rule import Rule

_ARGUMENTS = 2


class ProtocolExpands(Rule):
    """A protocol defines `expand(blueprint, job)` at its top level.

    That function is all that the platform calls; a blueprint whose protocol lacks it cannot run.

    Fix: define `def expand(blueprint: Blueprint, job: Job) -> tuple[PlannedRun, ...]`.
    """

    id = "NC-P002"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per protocol without the function, or with other arguments."""
        for path, tree in trees(context):
            if path.rpartition("/")[2].removesuffix(".py") in protocols.HELPERS:
                continue
            fix = "define `def expand(blueprint, job)`; it returns a tuple of PlannedRun"
            found = [node for node in tree.body if _is_expand(node)]
            if not found:
                yield self.finding(Location(path), "there is no function `expand`", fix)
            for node in found:
                if not isinstance(node, ast.FunctionDef) or not _takes_two(node.args):
                    place = Location(path, node.lineno, node.col_offset + 1)
                    text = "`expand` does not take a blueprint and a job, and nothing else"
                    yield self.finding(place, text, fix)


def _is_expand(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "expand"


def _takes_two(arguments: ast.arguments) -> bool:
    given = len(arguments.posonlyargs) + len(arguments.args)
    needed = given - len(arguments.defaults)
    required = [default for default in arguments.kw_defaults if default is None]
    return needed <= _ARGUMENTS <= given and not required
