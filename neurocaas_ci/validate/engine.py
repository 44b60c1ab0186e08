"""Judge a registry by all rules; I/O is not handled here."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Sequence

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.finding import Finding
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.validate import rules as rules_package
from neurocaas_ci.validate.context import BalanceOf, Context, Published, RecipeOf
from neurocaas_ci.validate.rule import Rule


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return one instance of every rule in `validate/rules/`, sorted by id."""
    found: list[Rule] = []
    for module in pkgutil.iter_modules(rules_package.__path__):
        loaded = importlib.import_module(f"{rules_package.__name__}.{module.name}")
        found += [
            value()
            for value in vars(loaded).values()
            if inspect.isclass(value)
            and issubclass(value, Rule)
            and value.__module__ == loaded.__name__
        ]
    return tuple(sorted(found, key=lambda rule: rule.id))


def judge(
    base: Registry | None,
    head: Registry,
    changes: Sequence[Change] | None = None,
    *,
    recipe_of: RecipeOf | None = None,
    published: Published | None = None,
    every_job: bool = False,
    author: Actor | None = None,
    balance_of: BalanceOf | None = None,
) -> tuple[Finding, ...]:
    """Return all findings on `head`, sorted by place.

    Without `changes`, or with `every_job`, all jobs are judged, otherwise the changed ones.
    """
    context = Context(head, base, changes, recipe_of, published, every_job, author, balance_of)
    findings = [finding for loaded in context.loaded() for finding in loaded.findings]
    for rule in rules():
        findings += rule.check(context)
    return tuple(sorted(set(findings), key=lambda f: (f.location, f.rule, f.message)))
