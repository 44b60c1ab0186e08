"""NC-P003: a protocol imports pure modules only; I/O is not handled here."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.protocol_source import trees
from neurocaas_ci.validate.rule import Rule

_PURE = (
    "__future__", "collections", "collections.abc", "copy", "dataclasses", "functools",
    "itertools", "math", "typing",
)  # fmt: skip
_OURS = re.compile(r"neurocaas_ci\.(?:model|protocols)\.[a-z_]+")
# `typing.get_type_hints` evaluates text.
_EVALUATES = frozenset({"get_type_hints", "ForwardRef"})


class ProtocolImports(Rule):
    """A protocol imports only what computes, and only public names of it.

    Allowed are collections, copy, dataclasses, functools, itertools, math, typing, and names of the
    modules in neurocaas_ci.model and neurocaas_ci.protocols. The same job has to give the same runs
    everywhere and at any time: a protocol knows no files, no network, no clock and no chance.

    Fix: compute it from the blueprint and the job; import names with `from module import name`.
    """

    id = "NC-P003"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per import, and per use of an import, that is not allowed."""
        for path, tree in trees(context):
            modules: dict[str, str] = {}
            for node in ast.walk(tree):
                for name, problem in _imported(node, modules):
                    place = Location(path, getattr(node, "lineno", 1), node.col_offset + 1)  # type: ignore[attr-defined]
                    text = f"a protocol must not import `{name[:60]}`{problem}"
                    yield self.finding(
                        place, text, f"use only: {', '.join(_PURE[1:])} and neurocaas_ci.model.*"
                    )
            for node in ast.walk(tree):
                if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
                    continue
                module = modules.get(node.value.id)
                if module is not None and not _is_public(module, node.attr):
                    place = Location(path, node.lineno, node.col_offset + 1)
                    text = f"`{module}.{node.attr[:60]}` is not public"
                    yield self.finding(place, text, f"use the documented names of {module}")


def _imported(node: ast.AST, modules: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the names that a node may not import, and remember the modules that it may."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name in _PURE:
                modules[alias.asname or alias.name.partition(".")[0]] = alias.name
            else:
                yield alias.name, " as a module" if _OURS.fullmatch(alias.name) else ""
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level or not (module in _PURE or _OURS.fullmatch(module)):
            yield "." * node.level + module, ""
            return
        for alias in node.names:
            if not _is_public(module, alias.name):
                yield f"{module}.{alias.name}", ""


def _is_public(module: str, name: str) -> bool:
    if name in _EVALUATES or name.startswith("_") or name == "*":
        return False
    if module == "collections" and name == "abc":
        return True
    if module not in _PURE:
        # Modules that our own ones have imported lead to everything.
        return name not in sys.stdlib_module_names
    # These come with Python: asking them does not run what the change brings.
    public = importlib.import_module(module)
    return name in getattr(public, "__all__", dir(public))
