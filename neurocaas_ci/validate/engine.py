"""Judge a registry by all rules; I/O is not handled here."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TypeGuard

from neurocaas_ci.model.actor import Actor
from neurocaas_ci.model.finding import Finding, Location
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.changes import Change
from neurocaas_ci.validate import rules as rules_package
from neurocaas_ci.validate.context import BalanceOf, Context, Published, RecipeOf
from neurocaas_ci.validate.rule import Rule
from neurocaas_ci.validate.scope import PROTOCOLS, Scope, lies_in, reach, whole, within
from neurocaas_ci.validate.touched import touches

# Folders of rules that only look at files of this kind.
_FAMILIES = frozenset({"blueprints", "groups", "hardware", "iae", "jobs", "protocols", "users"})
_JOBS_AT_ONCE = 1_000
_MOST_OF_A_RULE = 1_000


def rules() -> tuple[Rule, ...]:
    """Return one instance of every rule in `validate/rules/`, sorted by id."""
    return _rules(frozenset(_FAMILIES))


@functools.cache
def _rules(families: frozenset[str]) -> tuple[Rule, ...]:
    """Return the rules about any file, and those in the folders of some families."""
    found: list[Rule] = []
    names = [rules_package.__name__]
    names += [f"{rules_package.__name__}.{family}" for family in sorted(families)]
    for name in names:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                loaded = importlib.import_module(f"{name}.{module.name}")
                found += [rule() for rule in vars(loaded).values() if _is_rule(rule, loaded)]
    return tuple(sorted(found, key=lambda rule: rule.id))


def _is_rule(value: object, module: ModuleType) -> TypeGuard[type[Rule]]:
    return (
        isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
    )


def _at_work(context: Context) -> tuple[Rule, ...]:
    """Return the rules that could find something; loading a rule takes longer than applying it."""
    families = set(context.scope.kinds & _FAMILIES)
    if context.scope.jobs:
        families.add("jobs")
    if touches(context, PROTOCOLS):
        families.add("protocols")
    return _rules(frozenset(families))


def judge(
    base: Registry | None,
    head: Registry,
    changes: Sequence[Change] | None = None,
    *,
    recipe_of: RecipeOf | None = None,
    published: Published | None = None,
    every_job: bool = False,
    paths: Sequence[str] = (),
    author: Actor | None = None,
    balance_of: BalanceOf | None = None,
) -> tuple[Finding, ...]:
    """Return the findings on `head`, sorted by place.

    With `changes` they are those in changed files, and those elsewhere that `base` did not have.
    Without, with `every_job`, or with `paths` (then only there), everything is judged.
    """
    scope = reach(changes) if changes is not None and not every_job and not paths else whole(head)
    if paths:
        scope = within(scope, paths)
    context = Context(head, scope, base, changes, recipe_of, published, author, balance_of)
    findings = _judge(context)
    if base is not None and changes is not None and not scope.everything:
        findings = _new(findings, base, context, changes)
    if paths:
        findings = {f for f in findings if lies_in(f.location.path, paths)}
    return tuple(sorted(findings, key=lambda f: (f.location, f.rule, f.message)))


def _judge(context: Context) -> set[Finding]:
    """Judge a scope, its manifests a thousand at a time: they are many, and soon forgotten."""
    jobs = context.scope.jobs
    findings: set[Finding] = set()
    part = context._replace(scope=context.scope._replace(jobs=jobs[:_JOBS_AT_ONCE]))
    for start in range(0, max(len(jobs), 1), _JOBS_AT_ONCE):
        if start:
            chosen = jobs[start : start + _JOBS_AT_ONCE]
            scope = Scope(frozenset(), (), chosen)
            part = context._replace(scope=scope, changes=())
        context.head.ahead(part.scope.jobs)
        findings.update(f for loaded in part.loaded() for f in loaded.findings)
        for rule in _at_work(part):
            findings.update(_first(rule, part))
        if len(jobs) > _JOBS_AT_ONCE:
            context.head.forget(part.scope.jobs)
    return findings


def _first(rule: Rule, context: Context) -> Iterator[Finding]:
    """Yield what a rule finds, up to a bound: a hostile file could break it a million times."""
    for count, finding in enumerate(rule.check(context), 1):
        if count > _MOST_OF_A_RULE:
            text = (
                f"there are more than {_MOST_OF_A_RULE} problems of this kind; no more are listed"
            )
            yield rule.finding(Location(finding.location.path), text, "mend those listed first")
            return
        yield finding


def _new(
    findings: set[Finding], base: Registry, context: Context, changes: Sequence[Change]
) -> set[Finding]:
    """Leave out what unchanged files were blamed for before the change."""
    changed = {path for change in changes for path in (change.path, change.old_path)}
    elsewhere = {f for f in findings if f.location.path not in changed}
    if not elsewhere:
        return findings
    scope = context.scope._replace(jobs=())
    before = context._replace(head=base, base=None, scope=scope, changes=(), balance_of=None)
    known = {(f.rule, f.location) for f in _judge(before)}
    return findings - {f for f in elsewhere if (f.rule, f.location) in known}
