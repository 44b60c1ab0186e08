"""The page of every rule, by id; I/O is not handled here."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from neurocaas_ci.registry.rulebook import PAGES
from neurocaas_ci.validate.engine import rules

_PREAMBLE = """\
# Rules

Made from the rules themselves; `neurocaas explain ID` shows the same text. The letter says what a rule
looks at: F the form of a file, S its schema, R the registry, B blueprints, P protocols, I environments,
H hardware, U users and groups, J jobs, M money, O ownership, C what is append-only.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """What a rule asks for: a title, and paragraphs that say why and how to fix it."""

    id: str
    severity: str
    title: str
    text: str


def pages() -> dict[str, Page]:
    """Return the pages of all rules, those of the loader and the schemas included."""
    found = {name: _page(name, "error", text) for name, text in PAGES.items()}
    for rule in rules():
        found[rule.id] = _page(rule.id, rule.severity, inspect.getdoc(type(rule)) or "")
    return dict(sorted(found.items()))


def as_markdown() -> str:
    """Return the reference of all rules as one document."""
    parts = [_PREAMBLE]
    parts += [
        f"## {page.id}: {page.title}\n\nSeverity: {page.severity}\n\n{page.text}\n"
        for page in pages().values()
    ]
    return "\n".join(parts)


def _page(name: str, severity: str, text: str) -> Page:
    title, _, rest = text.partition("\n\n")
    return Page(name, severity, " ".join(title.split()).rstrip("."), rest.strip())
