"""NC-P004: a protocol only computes; I/O is not handled here."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.protocol_source import trees
from neurocaas_ci.validate.rule import Rule

_FORBIDDEN = frozenset(
    {"open", "exec", "eval", "compile", "__import__", "input", "print", "breakpoint", "help"}
    | {"getattr", "setattr", "delattr", "globals", "locals", "vars", "dir", "exit", "quit"}
    | {"id", "hash", "__builtins__", "__loader__", "__spec__"}
)


class ProtocolIsPure(Rule):
    """A protocol does nothing but compute runs from a blueprint and a job.

    It does not open, print, evaluate, or look attributes up by computed names, and does not keep
    anything between two calls (`global`). `id` and `hash` differ from process to process.

    Fix: write out what is meant; a protocol needs values, loops and PlannedRun.
    """

    id = "NC-P004"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per forbidden name."""
        for path, tree in trees(context):
            for node in ast.walk(tree):
                what = _objection(node)
                if what is not None and isinstance(node, ast.expr | ast.stmt):
                    yield self.finding(
                        Location(path, node.lineno, node.col_offset + 1),
                        what,
                        "compute it from the blueprint and the job alone",
                    )


def _objection(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name) and node.id in _FORBIDDEN:
        return f"a protocol must not use `{node.id}`"
    if isinstance(node, ast.Attribute) and node.attr.startswith("__"):
        return f"a protocol must not use `{node.attr[:60]}`"
    if isinstance(node, ast.Global | ast.Nonlocal):
        return "a protocol must not keep values between calls"
    return None
